/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "admin/cli/cli_verbs.h"
#include "base/cleanup.h"
#include "presenced/admin/v1/admin.pb-c.h"

#define SERVICE "/presenced.admin.v1.ClusterService/"

int cli_cluster_init(struct cli_command *command)
{
    if (!command->domain) {
        cli_output_error("presencectl cluster init --domain example.com",
                         "the domain is missing");
        return CLI_EXIT_USAGE;
    }
    Presenced__Admin__V1__ClusterInitRequest request =
        PRESENCED__ADMIN__V1__CLUSTER_INIT_REQUEST__INIT;
    request.domain = (char *)(uintptr_t)command->domain;
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__ClusterInitResponse *answer =
        cli_command_call(command, SERVICE "Initialize", &request.base,
                         &presenced__admin__v1__cluster_init_response__descriptor, &exit_code);
    if (!answer || cli_command_print(command, answer))
        return exit_code;
    (void)printf("cluster %s initialised on %s\n", answer->domain, answer->node_name);
    return CLI_EXIT_OK;
}

static void status_row(struct cli_table *table, const struct cli_command *command,
                       const Presenced__Admin__V1__ClusterStatus *status,
                       const Presenced__Admin__V1__NodeStatus *node)
{
    static const char *const healths[] = {"?", "ok", "DEGRADED", "DOWN"};
    char name[300], room[10][CLI_OUTPUT_CELL];
    (void)snprintf(name, sizeof(name), "%.250s%s", node->name, node->is_leader ? " *" : "");
    const char *health = (unsigned)node->health < 4 ? healths[node->health] : "?";
    const char *cells[] = {
        name,
        health,
        node->role,
        node->group,
        cli_output_number(room[0], node->term),
        cli_output_number(room[1], node->commit_index),
        cli_output_number(room[2], node->applied_index),
        cli_output_number(room[3], node->trails_by),
        cli_output_number(room[4], node->sessions),
        node->address,
        /* wide */
        cli_output_number(room[5], node->epoch),
        cli_output_duration(room[6], node->up_seconds),
        cli_output_bytes(room[7], node->store_size),
        cli_output_bytes(room[8], node->disk_free),
        status->version,
        node->reason,
    };
    (void)command;
    cli_output_row(table, cells);
}

int cli_cluster_status(struct cli_command *command)
{
    static const char *const headers[] = {"NODE",      "HEALTH",     "ROLE",     "GROUP",
                                          ">TERM",     ">COMMIT",    ">APPLIED", ">TRAILS BY",
                                          ">SESSIONS", "ADDRESS",    ">STARTS",  ">UP",
                                          ">STORE",    ">DISK FREE", "VERSION",  "REASON"};
    Presenced__Admin__V1__GetClusterStatusRequest request =
        PRESENCED__ADMIN__V1__GET_CLUSTER_STATUS_REQUEST__INIT;
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__ClusterStatus *status =
        cli_command_call(command, SERVICE "GetStatus", &request.base,
                         &presenced__admin__v1__cluster_status__descriptor, &exit_code);
    if (!status)
        return exit_code;
    if (!cli_command_print(command, status)) {
        struct cli_table *table =
            cli_output_table(headers, command->format == CLI_WIDE ? 16 : 10);
        for (size_t i = 0; i < status->n_nodes; i++)
            status_row(table, command, status, status->nodes[i]);
        cli_output_print(table);
    }
    if (!status->is_degraded)
        return CLI_EXIT_OK;
    if (command->format == CLI_TABLE || command->format == CLI_WIDE)
        cli_output_error(status->hint, "degraded: %s", status->reason);
    return CLI_EXIT_DEGRADED;
}
