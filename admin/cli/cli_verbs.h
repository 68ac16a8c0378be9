/* SPDX-License-Identifier: Apache-2.0 */
/* What each verb does. All return an exit code. */
#pragma once

#include "admin/cli/cli_command.h"

int cli_cluster_init(struct cli_command *command);
int cli_cluster_status(struct cli_command *command);
int cli_user_add(struct cli_command *command);
int cli_user_import(struct cli_command *command);
int cli_user_passwd(struct cli_command *command);
int cli_user_list(struct cli_command *command);
int cli_user_show(struct cli_command *command);
int cli_user_remove(struct cli_command *command);
int cli_user_link(struct cli_command *command);
int cli_session_list(struct cli_command *command);
int cli_session_end(struct cli_command *command);
int cli_setting_list(struct cli_command *command);
int cli_setting_get(struct cli_command *command);
int cli_setting_set(struct cli_command *command);
int cli_setting_log(struct cli_command *command);
int cli_check_run(struct cli_command *command);
