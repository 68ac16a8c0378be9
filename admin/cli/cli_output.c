/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/cli/cli_output.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

enum { COLUMNS_MAX = 24 };

struct cli_table {
    struct libscols_table *table;
    struct libscols_column *columns[COLUMNS_MAX];
    size_t count;
};

void cli_output_setup(void)
{
    const char *locale = setlocale(LC_ALL, "");
    if (!locale || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0 ||
        strcmp(setlocale(LC_CTYPE, NULL), "POSIX") == 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* ---- JSON and YAML -------------------------------------------------------------------- */

static void yaml_value(const json_t *json, int depth);

static void yaml_indent(int depth)
{
    (void)printf("%*s", depth * 2, "");
}

static bool yaml_is_block(const json_t *json)
{
    return (json_is_object(json) && json_object_size(json) > 0) ||
           (json_is_array(json) && json_array_size(json) > 0);
}

static void yaml_object(const json_t *object, int depth, bool is_in_list)
{
    const char *key;
    json_t *value;
    bool is_first = is_in_list; /* its first key stands behind the dash */
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!is_first)
            yaml_indent(depth);
        is_first = false;
        (void)printf("%s:", key);
        if (yaml_is_block(value)) {
            (void)printf("\n");
            yaml_value(value, json_is_array(value) ? depth : depth + 1);
        } else {
            (void)printf(" ");
            yaml_value(value, depth);
        }
    }
}

static void yaml_list(const json_t *list, int depth)
{
    size_t index;
    json_t *value;
    json_array_foreach(list, index, value)
    {
        yaml_indent(depth);
        (void)printf("- ");
        if (json_is_object(value) && json_object_size(value) > 0)
            yaml_object(value, depth + 1, true);
        else
            yaml_value(value, depth + 1);
    }
}

/* Scalars are written as JSON, which is YAML. */
static void yaml_value(const json_t *json, int depth)
{
    if (yaml_is_block(json)) {
        if (json_is_object(json))
            yaml_object(json, depth, false);
        else
            yaml_list(json, depth);
        return;
    }
    (void)json_dumpf(json, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    (void)printf("\n");
}

void cli_output_json(json_t *json, enum cli_format format)
{
    if (format == CLI_YAML) {
        yaml_value(json, 0);
    } else {
        (void)json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        (void)printf("\n");
    }
    json_decref(json);
}

/* ---- Tables --------------------------------------------------------------------------- */

struct cli_table *cli_output_table(const char *const *headers, size_t count)
{
    struct cli_table *t = mem_zeroed(1, sizeof(*t));
    t->table = scols_new_table();
    if (!t->table)
        abort(); /* out of memory */
    /* Never cut to the terminal: the reader may scroll, a script may not guess. */
    (void)scols_table_set_termforce(t->table, SCOLS_TERMFORCE_NEVER);
    (void)scols_table_set_column_separator(t->table, "  ");
    for (size_t i = 0; i < count && i < COLUMNS_MAX; i++) {
        const bool is_right = headers[i][0] == '>';
        t->columns[t->count++] = scols_table_new_column(t->table, headers[i] + is_right, 0,
                                                        is_right ? SCOLS_FL_RIGHT : 0);
    }
    return t;
}

void cli_output_row(struct cli_table *t, const char *const *cells)
{
    struct libscols_line *line = scols_table_new_line(t->table, NULL);
    for (size_t i = 0; line && i < t->count; i++)
        (void)scols_line_set_column_data(line, t->columns[i], cells[i][0] ? cells[i] : "-");
}

void cli_output_print(struct cli_table *t)
{
    (void)scols_print_table(t->table);
    scols_unref_table(t->table);
    free(t);
}

/* ---- Errors and cells ----------------------------------------------------------------- */

/* Text from outside must not steer the terminal. */
static void print_safe(const char *text)
{
    for (; *text; text++)
        (void)fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stderr);
}

void cli_output_error(const char *hint, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)fflush(stdout);
    (void)fputs("presencectl: ", stderr);
    print_safe(text);
    (void)fputc('\n', stderr);
    if (hint && hint[0]) {
        (void)fputs("hint: ", stderr);
        print_safe(hint);
        (void)fputc('\n', stderr);
    }
}

const char *cli_output_number(char *room, uint64_t number)
{
    (void)snprintf(room, CLI_OUTPUT_CELL, "%" PRIu64, number);
    return room;
}

const char *cli_output_bytes(char *room, uint64_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)size;
    size_t unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(room, CLI_OUTPUT_CELL, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return room;
}

const char *cli_output_time(char *room, uint64_t us)
{
    const time_t seconds = (time_t)(us / 1000000);
    struct tm parts;
    room[0] = '\0';
    if (us && localtime_r(&seconds, &parts))
        (void)strftime(room, CLI_OUTPUT_CELL, "%Y-%m-%d %H:%M:%S", &parts);
    return room;
}

const char *cli_output_duration(char *room, uint64_t seconds)
{
    if (seconds >= 86400)
        (void)snprintf(room, CLI_OUTPUT_CELL, "%" PRIu64 "d %" PRIu64 "h", seconds / 86400,
                       seconds / 3600 % 24);
    else if (seconds >= 3600)
        (void)snprintf(room, CLI_OUTPUT_CELL, "%" PRIu64 "h %" PRIu64 "m", seconds / 3600,
                       seconds / 60 % 60);
    else if (seconds >= 60)
        (void)snprintf(room, CLI_OUTPUT_CELL, "%" PRIu64 "m %" PRIu64 "s", seconds / 60,
                       seconds % 60);
    else
        (void)snprintf(room, CLI_OUTPUT_CELL, "%" PRIu64 "s", seconds);
    return room;
}
