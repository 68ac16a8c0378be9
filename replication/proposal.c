/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/proposal.h"

#include "replication/command.h"

void proposal_fill(struct proposal *p, const Store__Command *command)
{
    proposal_release(p);
    const struct command_header header = {.group = 0};
    p->rc = command_format(&p->command, &header, command);
}

void proposal_release(struct proposal *p)
{
    strbuf_done(&p->command);
    p->command = (struct strbuf){0};
    if (p->result)
        store__result__free_unpacked(p->result, NULL);
    p->result = NULL;
}
