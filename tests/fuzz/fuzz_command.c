/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a log entry: refused, or a command that formats to bytes of the same size
 * which parse to the same command. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "replication/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command_header h, again_h;
    Store__Command *command = NULL, *again = NULL;
    struct strbuf first = {0}, second = {0};

    if (command_parse(span_of(data, size), &h, &command) < 0)
        return 0;
    if (command_format(&first, &h, command) < 0 || first.size != size)
        abort();
    if (command_parse(strbuf_span(&first), &again_h, &again) < 0 ||
        command_format(&second, &again_h, again) < 0 ||
        !span_equal(strbuf_span(&first), strbuf_span(&second)))
        abort();
    strbuf_done(&first);
    strbuf_done(&second);
    command_free(command);
    command_free(again);
    return 0;
}
