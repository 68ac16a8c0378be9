/* SPDX-License-Identifier: Apache-2.0 */
/* presencectl's command line: global options, then a verb of the table with its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "admin/cli/cli_client.h"
#include "admin/cli/cli_output.h"

enum { CLI_ARGS_MAX = 16, CLI_SOCKET_SIZE = 256 };

/* Everything that was asked for. Texts are those of argv and the environment. */
struct cli_command {
    const struct cli_verb *verb;
    const char *args[CLI_ARGS_MAX]; /* behind the verb */
    size_t arg_count;
    enum cli_format format;
    struct cli_endpoint where;
    char socket[CLI_SOCKET_SIZE]; /* of the default */
    bool is_yes, is_password_stdin, is_revoke, is_standard;
    const char *domain;
    struct cli_client *client;
};

/* Options that only some verbs take. */
enum {
    CLI_OPTION_YES = 1,
    CLI_OPTION_PASSWORD_STDIN = 2,
    CLI_OPTION_REVOKE = 4,
    CLI_OPTION_DOMAIN = 8,
    CLI_OPTION_STANDARD = 16,
};

struct cli_verb {
    const char *noun, *word; /* "user", "add"; word "" for a verb of one word */
    const char *usage;       /* behind them: "USER [--password-stdin]" */
    const char *help;        /* one sentence */
    unsigned options;
    size_t args_min, args_max;
    int (*run)(struct cli_command *command); /* an exit code */
};

/* Reads argv. Returns -1 to go on, or an exit code: help was printed, or usage. */
int cli_command_parse(struct cli_command *command, const struct cli_verb *verbs, size_t count,
                      int argc, char **argv);

/* The default endpoint: --socket, --node, PRESENCECTL_NODE, else the one admin socket in
 * /run/presenced. Returns -1, or an exit code after telling what is missing. */
int cli_command_find_node(struct cli_command *command);

/* Calls a method; on failure tells it. Returns the answer, which the caller frees with
 * protobuf_c_message_free_unpacked(), or NULL and *ret_exit. */
void *cli_command_call(struct cli_command *command, const char *path,
                       const ProtobufCMessage *request,
                       const ProtobufCMessageDescriptor *answer, int *ret_exit);

/* For CLEANUP() of such an answer. */
void cli_command_release(void *answer);

/* When the answer is wanted as JSON or YAML: prints it and returns true. */
bool cli_command_print(const struct cli_command *command, const void *answer);

/* Asks to type the name back, unless --yes. Returns 0, or an exit code. */
int cli_command_confirm(const struct cli_command *command, const char *what, const char *name);

/* A password, from standard input or asked for twice on the terminal. Returns 0 or an exit
 * code. The caller wipes it. */
enum { CLI_PASSWORD_SIZE = 1025 };
int cli_command_password(const struct cli_command *command, const char *user, char *ret_text);
