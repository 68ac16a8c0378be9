/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "admin/cli/cli_verbs.h"
#include "base/cleanup.h"
#include "presenced/admin/v1/admin.pb-c.h"

#define SERVICE "/presenced.admin.v1.SessionService/"

int cli_session_list(struct cli_command *command)
{
    static const char *const headers[] = {"USER",     "RESOURCE", "STATE",   "SHOW",
                                          ">PRIO",    "SINCE",    "NODE",    "ADDRESS",
                                          "PROTOCOL", "TLS",      ">UNACKED"};
    Presenced__Admin__V1__ListSessionsRequest request =
        PRESENCED__ADMIN__V1__LIST_SESSIONS_REQUEST__INIT;
    if (command->arg_count > 0)
        request.user = (char *)(uintptr_t)command->args[0];
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__ListSessionsResponse *answer =
        cli_command_call(command, SERVICE "List", &request.base,
                         &presenced__admin__v1__list_sessions_response__descriptor, &exit_code);
    if (!answer || cli_command_print(command, answer))
        return exit_code;
    struct cli_table *table = cli_output_table(headers, command->format == CLI_WIDE ? 11 : 8);
    for (size_t i = 0; i < answer->n_sessions; i++) {
        const Presenced__Admin__V1__Session *session = answer->sessions[i];
        char room[3][CLI_OUTPUT_CELL];
        (void)snprintf(room[0], CLI_OUTPUT_CELL, "%d", session->priority);
        const char *cells[] = {
            session->user,
            session->resource,
            session->is_online ? "online" : "away",
            session->show,
            room[0],
            cli_output_time(room[1], session->since_us),
            session->node,
            session->address,
            session->protocol,
            session->tls,
            cli_output_number(room[2], session->unacked),
        };
        cli_output_row(table, cells);
    }
    cli_output_print(table);
    if (answer->has_more)
        cli_output_error("name a user", "the list goes on");
    return CLI_EXIT_OK;
}

int cli_session_end(struct cli_command *command)
{
    const int refused = cli_command_confirm(command, "end sessions of", command->args[0]);
    if (refused != 0)
        return refused;
    char user[1024] = "";
    const char *slash = strchr(command->args[0], '/');
    const size_t size = slash ? (size_t)(slash - command->args[0]) : strlen(command->args[0]);
    (void)snprintf(user, sizeof(user), "%.*s", (int)size, command->args[0]);

    Presenced__Admin__V1__EndSessionsRequest request =
        PRESENCED__ADMIN__V1__END_SESSIONS_REQUEST__INIT;
    request.user = user;
    if (slash)
        request.resource = (char *)(uintptr_t)(slash + 1);
    request.revoke = command->is_revoke;
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__EndSessionsResponse *answer =
        cli_command_call(command, SERVICE "End", &request.base,
                         &presenced__admin__v1__end_sessions_response__descriptor, &exit_code);
    if (!answer || cli_command_print(command, answer))
        return exit_code;
    (void)printf("%llu sessions ended\n", (unsigned long long)answer->ended);
    return CLI_EXIT_OK;
}
