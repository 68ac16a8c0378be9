/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "admin/cli/cli_verbs.h"
#include "base/cleanup.h"
#include "presenced/admin/v1/admin.pb-c.h"

#define PASS PRESENCED__ADMIN__V1__FINDING__STATE__PASS
#define WARN PRESENCED__ADMIN__V1__FINDING__STATE__WARN
#define FAIL PRESENCED__ADMIN__V1__FINDING__STATE__FAIL

/* One line a finding; what passed is shown one line a family unless wide. */
static void check_print(const struct cli_command *command,
                        const Presenced__Admin__V1__RunChecksResponse *answer)
{
    const char *family = "";
    for (size_t i = 0; i < answer->n_findings; i++) {
        const Presenced__Admin__V1__Finding *finding = answer->findings[i];
        const bool is_new = strcmp(family, finding->family) != 0;
        family = finding->family;
        if (finding->state == PASS && !is_new && command->format != CLI_WIDE)
            continue;
        (void)printf("%-10s %-6s %s\n", is_new ? family : "",
                     finding->state == PASS   ? "ok"
                     : finding->state == WARN ? "WARN"
                                              : "FAIL",
                     finding->seen);
        if (finding->fix[0])
            (void)printf("%18sfix: %s\n", "", finding->fix);
    }
}

int cli_check_run(struct cli_command *command)
{
    Presenced__Admin__V1__RunChecksRequest request =
        PRESENCED__ADMIN__V1__RUN_CHECKS_REQUEST__INIT;
    request.families = (char **)(uintptr_t)command->args;
    request.n_families = command->arg_count;
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__RunChecksResponse *answer =
        cli_command_call(command, "/presenced.admin.v1.CheckService/Run", &request.base,
                         &presenced__admin__v1__run_checks_response__descriptor, &exit_code);
    if (!answer)
        return exit_code;
    size_t counts[4] = {0};
    for (size_t i = 0; i < answer->n_findings; i++)
        counts[(unsigned)answer->findings[i]->state & 3]++;
    if (!cli_command_print(command, answer)) {
        check_print(command, answer);
        if (counts[PASS] == answer->n_findings)
            (void)printf("All %zu checks passed.\n", answer->n_findings);
        else
            (void)printf("%zu checks: %zu passed, %zu warnings, %zu failed\n",
                         answer->n_findings, counts[PASS], counts[WARN], counts[FAIL]);
    }
    return counts[PASS] == answer->n_findings ? CLI_EXIT_OK : CLI_EXIT_DEGRADED;
}
