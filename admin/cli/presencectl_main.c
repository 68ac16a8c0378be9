/* SPDX-License-Identifier: Apache-2.0 */
/* presencectl: the command line of the administration. It knows the API only. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "admin/cli/cli_command.h"
#include "admin/cli/cli_verbs.h"
#include "base/cleanup.h"

static const struct cli_verb verbs[] = {
    {"cluster", "init", "--domain DOMAIN", "Make this node a cluster.", CLI_OPTION_DOMAIN, 0, 0,
     cli_cluster_init},
    {"cluster", "status", "", "Health of every node; exit 4 when degraded.", 0, 0, 0,
     cli_cluster_status},
    {"user", "add", "USER [--password-stdin]", "Add a user.", CLI_OPTION_PASSWORD_STDIN, 1, 1,
     cli_user_add},
    {"user", "import", "FILE.csv", "Add the users of USER,PASSWORD lines.", 0, 1, 1,
     cli_user_import},
    {"user", "passwd", "USER [--password-stdin]", "Change a password.",
     CLI_OPTION_PASSWORD_STDIN, 1, 1, cli_user_passwd},
    {"user", "list", "", "All users.", 0, 0, 0, cli_user_list},
    {"user", "show", "USER", "One user.", 0, 1, 1, cli_user_show},
    {"user", "remove", "USER [--yes]", "Remove a user and every trace of it.", CLI_OPTION_YES,
     1, 1, cli_user_remove},
    {"user", "link", "USER CONTACT", "Make two users contacts of each other.", 0, 2, 2,
     cli_user_link},
    {"session", "list", "[USER]", "Who is signed in.", 0, 0, 1, cli_session_list},
    {"session", "end", "USER[/RESOURCE] [--revoke] [--yes]", "End sessions of a user.",
     CLI_OPTION_YES | CLI_OPTION_REVOKE, 1, 1, cli_session_end},
    {"setting", "list", "", "Settings of the cluster; ranges with -o wide.", 0, 0, 0,
     cli_setting_list},
    {"setting", "get", "NAME", "One setting.", 0, 1, 1, cli_setting_get},
    {"setting", "set", "NAME VALUE | NAME --default", "Change a setting, live.",
     CLI_OPTION_STANDARD, 1, 2, cli_setting_set},
    {"log", "set", "LEVEL | MODULE=LEVEL", "What this node logs, until it restarts.", 0, 1, 1,
     cli_setting_log},
    {"check", "", "[FAMILY...]", "Look for trouble; exit 4 when some is found.", 0, 0,
     CLI_ARGS_MAX, cli_check_run},
};

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    cli_output_setup();
    struct cli_command command;
    int exit_code =
        cli_command_parse(&command, verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
    if (exit_code >= 0)
        return exit_code;
    exit_code = cli_command_find_node(&command);
    if (exit_code >= 0)
        return exit_code;
    CLEANUP(strbuf_done) struct strbuf why = {0};
    CLEANUP(strbuf_done) struct strbuf hint = {0};
    command.client = cli_client_open(&command.where, &why, &hint);
    if (!command.client) {
        cli_output_error(hint.data, "%s", why.data ? why.data : "cannot reach the node");
        return CLI_EXIT_UNREACHABLE;
    }
    exit_code = command.verb->run(&command);
    cli_client_free(command.client);
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == CLI_EXIT_OK) {
        cli_output_error(NULL, "what was asked for cannot be written: %s", strerror(errno));
        return CLI_EXIT_REFUSED;
    }
    return exit_code;
}
