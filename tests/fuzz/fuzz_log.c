/* SPDX-License-Identifier: Apache-2.0 */
/* Logs a stranger's text. The line must stay one line of printable, well-formed UTF-8 whose
 * quotes cannot be left from inside. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/utf8char.h"

static void check_line(struct span line)
{
    size_t quote_count = 0;
    while (line.size > 0) {
        uint32_t character = 0;
        const size_t size = utf8char_size(line, &character);
        if (size == 0 || character == 0x7f || (character < ' ' && line.size > 1))
            abort();
        if (character == '\\' && line.size > 1) { /* whatever follows is inside */
            line = span_from(line, 2);
            continue;
        }
        quote_count += character == '"';
        line = span_from(line, size);
    }
    if (quote_count % 2)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct log_field fields[] = {LOG_SPAN("x", span_of(data, size)), LOG_U64("n", size),
                                       LOG_END};
    for (int format = LOG_LOGFMT; format <= LOG_JSON; format++) {
        CLEANUP(strbuf_done) struct strbuf line = {0};
        log_write(&line, (enum log_format)format, size, "n1", LOG_LEVEL_INFO, "fuzz: text",
                  fields);
        if (line.data[line.size - 1] != '\n')
            abort();
        check_line(strbuf_span(&line));
    }
    return 0;
}
