/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "admin/cli/cli_verbs.h"
#include "base/cleanup.h"
#include "presenced/admin/v1/admin.pb-c.h"

#define SERVICE "/presenced.admin.v1.SettingService/"

int cli_setting_list(struct cli_command *command)
{
    static const char *const headers[] = {"NAME", "VALUE", "DEFAULT", "RANGE", "WHAT IT IS"};
    Presenced__Admin__V1__ListSettingsRequest request =
        PRESENCED__ADMIN__V1__LIST_SETTINGS_REQUEST__INIT;
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__ListSettingsResponse *answer =
        cli_command_call(command, SERVICE "List", &request.base,
                         &presenced__admin__v1__list_settings_response__descriptor, &exit_code);
    if (!answer || cli_command_print(command, answer))
        return exit_code;
    struct cli_table *table = cli_output_table(headers, command->format == CLI_WIDE ? 5 : 3);
    for (size_t i = 0; i < answer->n_settings; i++) {
        const Presenced__Admin__V1__Setting *setting = answer->settings[i];
        const char *cells[] = {setting->name, setting->value, setting->standard, setting->range,
                               setting->help};
        cli_output_row(table, cells);
    }
    cli_output_print(table);
    return CLI_EXIT_OK;
}

static int setting_show(struct cli_command *command, const char *path,
                        const ProtobufCMessage *request, bool is_set)
{
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__Setting *setting = cli_command_call(
        command, path, request, &presenced__admin__v1__setting__descriptor, &exit_code);
    if (!setting || cli_command_print(command, setting))
        return exit_code;
    if (is_set)
        (void)printf("%s is %s\n", setting->name, setting->value);
    else
        (void)printf("%s\n", setting->value);
    return CLI_EXIT_OK;
}

int cli_setting_get(struct cli_command *command)
{
    Presenced__Admin__V1__GetSettingRequest request =
        PRESENCED__ADMIN__V1__GET_SETTING_REQUEST__INIT;
    request.name = (char *)(uintptr_t)command->args[0];
    return setting_show(command, SERVICE "Get", &request.base, false);
}

int cli_setting_set(struct cli_command *command)
{
    if ((command->arg_count == 2) == command->is_standard) {
        cli_output_error("presencectl setting set NAME VALUE, or NAME --default",
                         "give a value or --default");
        return CLI_EXIT_USAGE;
    }
    if (command->arg_count == 2 && command->args[1][0] == '\0') {
        cli_output_error("use --default to go back to the default", "the value is empty");
        return CLI_EXIT_USAGE;
    }
    Presenced__Admin__V1__SetSettingRequest request =
        PRESENCED__ADMIN__V1__SET_SETTING_REQUEST__INIT;
    request.name = (char *)(uintptr_t)command->args[0];
    if (command->arg_count == 2)
        request.value = (char *)(uintptr_t)command->args[1];
    return setting_show(command, SERVICE "Set", &request.base, true);
}

int cli_setting_log(struct cli_command *command)
{
    char module[64] = "";
    const char *level = command->args[0];
    const char *equals = strchr(level, '=');
    if (equals && (equals == level || equals - level >= (ptrdiff_t)sizeof(module))) {
        cli_output_error("presencectl log set LEVEL, or MODULE=LEVEL",
                         "there is no such module");
        return CLI_EXIT_USAGE;
    }
    if (equals) {
        (void)snprintf(module, sizeof(module), "%.*s", (int)(equals - level), level);
        level = equals + 1;
    }
    Presenced__Admin__V1__SetLogLevelRequest request =
        PRESENCED__ADMIN__V1__SET_LOG_LEVEL_REQUEST__INIT;
    request.module = module;
    request.level = (char *)(uintptr_t)level;
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__SetLogLevelResponse *answer =
        cli_command_call(command, "/presenced.admin.v1.LogService/SetLevel", &request.base,
                         &presenced__admin__v1__set_log_level_response__descriptor, &exit_code);
    if (!answer || cli_command_print(command, answer))
        return exit_code;
    (void)printf("%s logs %s%s%s\n", answer->node, module, module[0] ? " at " : "at ", level);
    return CLI_EXIT_OK;
}
