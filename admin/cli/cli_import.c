/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/cli/cli_verbs.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "presenced/admin/v1/admin.pb-c.h"

enum {
    ROWS_A_CALL = 500,
    BYTES_A_CALL = 256 * 1024, /* of names and passwords; a node takes calls of 1 MiB */
    FIELD_MAX = 8192,          /* bytes; no account has a longer name or password */
    FILE_MAX = 64 << 20        /* bytes: a million accounts */
};

struct import_state {
    struct cli_command *command;
    const char *file;
    struct arena arena; /* of the rows of one call */
    Presenced__Admin__V1__ImportRow *rows[ROWS_A_CALL];
    size_t row_count, row_bytes;
    size_t read, created, refused;
    json_t *refusals;
    int exit_code;
};

static void import_refused(struct import_state *s, size_t line, const char *user,
                           const char *code, const char *reason)
{
    s->refused++;
    (void)json_array_append_new(s->refusals,
                                json_pack("{s:I,s:s,s:s,s:s}", "line", (json_int_t)line, "user",
                                          user, "code", code, "reason", reason));
    if (s->command->format == CLI_TABLE || s->command->format == CLI_WIDE)
        cli_output_error(NULL, "%s:%zu: %s%s%s", s->file, line, user, user[0] ? ": " : "",
                         reason);
}

/* Sends what has been gathered; false when the node does not take it. */
static bool import_send(struct import_state *s)
{
    if (s->row_count == 0)
        return true;
    Presenced__Admin__V1__ImportUsersRequest request =
        PRESENCED__ADMIN__V1__IMPORT_USERS_REQUEST__INIT;
    request.rows = s->rows;
    request.n_rows = s->row_count;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__ImportUsersResponse *answer = cli_command_call(
        s->command, "/presenced.admin.v1.UserService/Import", &request.base,
        &presenced__admin__v1__import_users_response__descriptor, &s->exit_code);
    if (!answer)
        return false;
    s->created += answer->created;
    for (size_t i = 0; i < answer->n_refused; i++)
        import_refused(s, answer->refused[i]->line, answer->refused[i]->user,
                       answer->refused[i]->code, answer->refused[i]->reason);
    s->row_count = s->row_bytes = 0;
    arena_reset(&s->arena);
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%zu users", s->created);
    return true;
}

/* What no message can carry to the node: it would refuse the good lines with it. */
static const char *import_fault(const struct csv_reader *csv)
{
    if (csv->field_count != 2 || csv->fields[0].size == 0 || csv->fields[1].size == 0)
        return "a line is USER,PASSWORD";
    for (size_t i = 0; i < 2; i++) {
        const struct span field = csv->fields[i];
        if (field.size > FIELD_MAX)
            return "the line is too long";
        if (!utf8_is_valid(field))
            return "the line is not UTF-8";
        if (memchr(field.ptr, '\0', field.size))
            return "the line holds a NUL byte";
    }
    return NULL;
}

static void import_add(struct import_state *s, const struct csv_reader *csv)
{
    s->read++;
    const char *fault = import_fault(csv);
    if (fault) {
        import_refused(s, csv->line, "", "INVALID_ARGUMENT", fault);
        return;
    }
    s->row_bytes += csv->fields[0].size + csv->fields[1].size;
    Presenced__Admin__V1__ImportRow *row = arena_zeroed(&s->arena, sizeof(*row));
    presenced__admin__v1__import_row__init(row);
    row->line = (uint32_t)csv->line;
    row->user = (char *)(uintptr_t)arena_copy(&s->arena, csv->fields[0]).ptr;
    row->password = (char *)(uintptr_t)arena_copy(&s->arena, csv->fields[1]).ptr;
    s->rows[s->row_count++] = row;
}

static bool import_read_file(const char *path, struct strbuf *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file) {
        cli_output_error(NULL, "%s: %s", path, strerror(errno));
        return false;
    }
    size_t got;
    do {
        char *room = strbuf_reserve(out, 65536);
        got = fread(room, 1, 65536, file);
        out->size += got;
    } while (got > 0 && out->size <= FILE_MAX);
    const char *fault = ferror(file)           ? strerror(errno)
                        : out->size > FILE_MAX ? "larger than 64 MiB"
                                               : NULL;
    if (file != stdin)
        (void)fclose(file);
    if (fault)
        cli_output_error(NULL, "%s: %s", path, fault);
    return !fault;
}

static void import_run(struct import_state *s, struct span text)
{
    struct csv_reader csv;
    csv_reader_init(&csv, text);
    int rc;
    while (s->exit_code == CLI_EXIT_OK && (rc = csv_reader_next(&csv)) != 0) {
        if (rc < 0) {
            s->read++;
            import_refused(s, csv.line, "", "INVALID_ARGUMENT", "the line is no proper CSV");
            continue;
        }
        const bool is_header = s->read == 0 && csv.field_count == 2 &&
                               span_is(csv.fields[0], "user") &&
                               span_is(csv.fields[1], "password");
        if (is_header)
            continue;
        import_add(s, &csv);
        if (s->row_count == ROWS_A_CALL || s->row_bytes >= BYTES_A_CALL)
            (void)import_send(s);
    }
    if (s->exit_code == CLI_EXIT_OK)
        (void)import_send(s);
    csv_reader_done(&csv);
}

int cli_user_import(struct cli_command *command)
{
    CLEANUP(strbuf_done) struct strbuf text = {0};
    if (!import_read_file(command->args[0], &text))
        return CLI_EXIT_USAGE;
    struct import_state *s = mem_zeroed(1, sizeof(*s));
    s->command = command;
    s->file = command->args[0];
    s->refusals = json_array();
    import_run(s, strbuf_span(&text));
    explicit_bzero(text.data, text.size);

    if (isatty(STDERR_FILENO))
        (void)fputc('\n', stderr);
    const bool is_data = command->format == CLI_JSON || command->format == CLI_YAML;
    if (is_data && s->exit_code == CLI_EXIT_OK)
        cli_output_json(
            json_pack("{s:I,s:O}", "created", (json_int_t)s->created, "refused", s->refusals),
            command->format);
    else if (!is_data) /* else the error is the one document */
        (void)printf("%zu users created, %zu refused\n", s->created, s->refused);
    int exit_code = s->exit_code;
    if (exit_code == CLI_EXIT_OK && s->refused > 0)
        exit_code = CLI_EXIT_REFUSED;
    json_decref(s->refusals);
    arena_done(&s->arena);
    free(s);
    return exit_code;
}
