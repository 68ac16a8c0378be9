/* SPDX-License-Identifier: Apache-2.0 */
/* What presencectl prints: tables, JSON, YAML; errors in one line and a hint. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum cli_format { CLI_TABLE, CLI_WIDE, CLI_JSON, CLI_YAML };

/* "C.UTF-8" where the locale is "C", so that names are shown as they are. */
void cli_output_setup(void);

/* JSON or YAML of it; takes the reference. */
void cli_output_json(json_t *json, enum cli_format format);

/* A table: headers also when piped. Columns whose header begins with '>' are aligned right. */
struct cli_table;
struct cli_table *cli_output_table(const char *const *headers, size_t count);
void cli_output_row(struct cli_table *t, const char *const *cells); /* copied */
void cli_output_print(struct cli_table *t);                         /* and frees */

/* "presencectl: WHAT" and "hint: …" on standard error. */
void cli_output_error(const char *hint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Cells: into a buffer of 32 bytes, which is returned. */
const char *cli_output_number(char *room, uint64_t number);
const char *cli_output_bytes(char *room, uint64_t size); /* "1.2 GiB" */
const char *cli_output_time(char *room, uint64_t us);    /* local, "2026-01-02 03:04:05" */
const char *cli_output_duration(char *room, uint64_t seconds); /* "3d 4h" */
enum { CLI_OUTPUT_CELL = 32 };
