/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/cli/cli_command.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/settings.h"
#include "proto/rpc/rpc_json.h"
#include "proto/rpc/rpc_status.h"

enum { TIMEOUT_STANDARD_S = 60, VERBS_MAX = 64 };

/* ---- Help ----------------------------------------------------------------------------- */

static const char options_help[] =
    "Options for every command:\n"
    "  -o, --output FORMAT   table, wide, json or yaml\n"
    "      --socket PATH     admin socket of a node on this machine\n"
    "      --node HOST:PORT  admin listener of a node (PRESENCECTL_NODE)\n"
    "      --cert FILE       client certificate, PEM (PRESENCECTL_CERT)\n"
    "      --key FILE        its private key (PRESENCECTL_KEY)\n"
    "      --ca FILE         CA of the node's certificate (PRESENCECTL_CA)\n"
    "      --timeout SECONDS how long to wait for an answer, 60\n"
    "  -h, --help            of a command, when it is named before\n"
    "      --version\n"
    "\n"
    "Exit codes: 0 done, 1 refused, 2 usage, 3 unreachable, 4 degraded.\n";

static void help_print_all(const struct cli_verb *verbs, size_t count)
{
    (void)printf("usage: presencectl COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < count; i++) {
        char line[80];
        (void)snprintf(line, sizeof(line), "%s%s%s %s", verbs[i].noun,
                       verbs[i].word[0] ? " " : "", verbs[i].word, verbs[i].usage);
        (void)printf("  %-42s %s\n", line, verbs[i].help);
    }
    (void)printf("\n%s", options_help);
}

static void help_print_verb(const struct cli_verb *verb, FILE *file)
{
    (void)fprintf(file, "usage: presencectl %s%s%s %s\n", verb->noun, verb->word[0] ? " " : "",
                  verb->word, verb->usage);
}

/* ---- The command line ----------------------------------------------------------------- */

struct arguments {
    char **argv;
    int count, next;
};

/* Whether the argument is this option; a value follows "=" or is the next argument. */
static bool option_is(const char *argument, const char *name)
{
    const size_t size = strlen(name);
    return strncmp(argument, name, size) == 0 &&
           (argument[size] == '\0' || argument[size] == '=');
}

static const char *option_value(struct arguments *a, const char *argument)
{
    const char *equals = argument[1] == '-' ? strchr(argument, '=') : NULL;
    if (equals)
        return equals + 1;
    return a->next < a->count ? a->argv[a->next++] : NULL;
}

static int usage_fault(const struct cli_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int usage_fault(const struct cli_command *command, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    cli_output_error(NULL, "%s", text);
    if (command->verb)
        help_print_verb(command->verb, stderr);
    else
        (void)fputs("hint: presencectl --help lists the commands\n", stderr);
    return CLI_EXIT_USAGE;
}

static bool format_parse(const char *text, enum cli_format *ret_format)
{
    static const char *const names[] = {"table", "wide", "json", "yaml"};
    for (size_t i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *ret_format = (enum cli_format)i;
            return true;
        }
    return false;
}

/* Options with a value. Returns 1 when it was one, 0 when not, -1 when the value is bad. */
static int option_with_value(struct cli_command *command, struct arguments *a,
                             const char *argument)
{
    const struct {
        const char *name;
        const char **value;
    } texts[] = {
        {"--socket", &command->where.socket}, {"--node", &command->where.node},
        {"--cert", &command->where.cert},     {"--key", &command->where.key},
        {"--ca", &command->where.ca},         {"--domain", &command->domain},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (option_is(argument, texts[i].name)) {
            *texts[i].value = option_value(a, argument);
            return *texts[i].value ? 1 : -1;
        }
    if (strcmp(argument, "-o") == 0 || option_is(argument, "--output")) {
        const char *value = option_value(a, argument);
        return value && format_parse(value, &command->format) ? 1 : -1;
    }
    if (option_is(argument, "--timeout")) {
        const char *value = option_value(a, argument);
        char *end = NULL;
        const unsigned long seconds = value ? strtoul(value, &end, 10) : 0;
        if (seconds == 0 || seconds > 3600 || *end != '\0')
            return -1;
        command->where.timeout_ms = (uint32_t)seconds * 1000;
        return 1;
    }
    return 0;
}

static bool option_flag(struct cli_command *command, const char *argument)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"--yes", &command->is_yes},
        {"-y", &command->is_yes},
        {"--password-stdin", &command->is_password_stdin},
        {"--revoke", &command->is_revoke},
        {"--default", &command->is_standard},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (strcmp(argument, flags[i].name) == 0) {
            *flags[i].flag = true;
            return true;
        }
    return false;
}

/* A word that is no option: noun and word of the verb first, then its arguments. */
static int word_add(struct cli_command *command, const struct cli_verb *verbs, size_t count,
                    const char **noun, const char *argument)
{
    if (command->verb) {
        if (command->arg_count == CLI_ARGS_MAX)
            return usage_fault(command, "too many arguments, from \"%s\"", argument);
        command->args[command->arg_count++] = argument;
        return -1;
    }
    const char *candidates[VERBS_MAX + 1];
    size_t candidate_count = 0;
    for (size_t i = 0; i < count && candidate_count < VERBS_MAX; i++) {
        const struct cli_verb *v = &verbs[i];
        if (*noun && strcmp(v->noun, *noun) != 0)
            continue;
        const char *here = *noun ? v->word : v->noun;
        candidates[candidate_count++] = here;
        if (strcmp(here, argument) != 0)
            continue;
        if (*noun || !v->word[0])
            command->verb = v;
        else
            *noun = v->noun;
        return -1;
    }
    candidates[candidate_count] = NULL;
    const char *meant = settings_nearest(span_text(argument), candidates);
    char hint[128] = "presencectl --help lists the commands";
    if (meant)
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", meant);
    cli_output_error(hint, "there is no command \"%s%s%s\"", *noun ? *noun : "",
                     *noun ? " " : "", argument);
    return CLI_EXIT_USAGE;
}

static int command_check(const struct cli_command *command, const char *noun)
{
    if (!command->verb)
        return usage_fault(command,
                           noun ? "\"%s\" needs a second word" : "a command is missing%s",
                           noun ? noun : "");
    const unsigned allowed = command->verb->options;
    const struct {
        bool is_given;
        unsigned option;
        const char *name;
    } limited[] = {
        {command->is_yes, CLI_OPTION_YES, "--yes"},
        {command->is_password_stdin, CLI_OPTION_PASSWORD_STDIN, "--password-stdin"},
        {command->is_revoke, CLI_OPTION_REVOKE, "--revoke"},
        {command->is_standard, CLI_OPTION_STANDARD, "--default"},
        {command->domain != NULL, CLI_OPTION_DOMAIN, "--domain"},
    };
    for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++)
        if (limited[i].is_given && !(allowed & limited[i].option))
            return usage_fault(command, "the command takes no %s", limited[i].name);
    if (command->arg_count < command->verb->args_min)
        return usage_fault(command, "an argument is missing");
    if (command->arg_count > command->verb->args_max)
        return usage_fault(command, "too many arguments, from \"%s\"",
                           command->args[command->verb->args_max]);
    return -1;
}

static void command_defaults(struct cli_command *command)
{
    command->where = (struct cli_endpoint){
        .node = getenv("PRESENCECTL_NODE"),
        .cert = getenv("PRESENCECTL_CERT"),
        .key = getenv("PRESENCECTL_KEY"),
        .ca = getenv("PRESENCECTL_CA"),
        .timeout_ms = TIMEOUT_STANDARD_S * 1000,
    };
}

int cli_command_parse(struct cli_command *command, const struct cli_verb *verbs, size_t count,
                      int argc, char **argv)
{
    *command = (struct cli_command){0};
    command_defaults(command);
    struct arguments a = {.argv = argv, .count = argc, .next = 1};
    const char *noun = NULL;
    bool is_help = argc < 2, is_plain = false;
    while (a.next < a.count) {
        const char *argument = a.argv[a.next++];
        if (is_plain || argument[0] != '-' || argument[1] == '\0') {
            const int rc = word_add(command, verbs, count, &noun, argument);
            if (rc >= 0)
                return rc;
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            is_plain = true;
        } else if (strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0) {
            is_help = true;
        } else if (strcmp(argument, "--version") == 0) {
            (void)printf("presencectl %s\n", PRESENCED_VERSION);
            return CLI_EXIT_OK;
        } else if (!option_flag(command, argument)) {
            const int rc = option_with_value(command, &a, argument);
            /* Only its name: the value may be a secret put in the wrong place. */
            const int size = (int)strcspn(argument, "=");
            if (rc < 0)
                return usage_fault(command, "%.*s needs a proper value", size, argument);
            if (rc == 0)
                return usage_fault(command, "there is no option %.*s", size, argument);
        }
    }
    if (is_help && command->verb) {
        help_print_verb(command->verb, stdout);
        (void)printf("\n%s\n\n%s", command->verb->help, options_help);
        return CLI_EXIT_OK;
    }
    if (is_help) {
        help_print_all(verbs, count);
        return CLI_EXIT_OK;
    }
    return command_check(command, noun);
}

int cli_command_find_node(struct cli_command *command)
{
    struct cli_endpoint *where = &command->where;
    if (where->socket)
        return -1;
    if (where->node && strchr(where->node, '/')) {
        where->socket = where->node;
        return -1;
    }
    if (where->node)
        return -1;
    glob_t found = {0};
    const int rc = glob("/run/presenced/*/admin.sock", 0, NULL, &found);
    const size_t count = rc == 0 ? found.gl_pathc : 0;
    if (count == 1)
        (void)snprintf(command->socket, sizeof(command->socket), "%s", found.gl_pathv[0]);
    globfree(&found);
    if (count == 1) {
        where->socket = command->socket;
        return -1;
    }
    cli_output_error("name one with --socket, --node or PRESENCECTL_NODE",
                     count ? "several nodes run on this machine"
                           : "no node runs on this machine");
    return count ? CLI_EXIT_USAGE : CLI_EXIT_UNREACHABLE;
}

/* ---- Calling -------------------------------------------------------------------------- */

void *cli_command_call(struct cli_command *command, const char *path,
                       const ProtobufCMessage *request,
                       const ProtobufCMessageDescriptor *answer, int *ret_exit)
{
    struct cli_reply reply;
    cli_client_call(command->client, path, request, answer, &reply);
    if (reply.status == RPC_STATUS_OK)
        return STEAL(reply.answer);

    const char *message = reply.message.data ? reply.message.data : "";
    const char *hint = reply.hint.data ? reply.hint.data : "";
    if (command->format == CLI_JSON || command->format == CLI_YAML)
        cli_output_json(json_pack("{s:{s:s,s:s,s:s}}", "error", "code",
                                  rpc_status_name(reply.status), "message", message, "hint",
                                  hint),
                        command->format);
    cli_output_error(hint, "%s", message);
    *ret_exit =
        reply.status == RPC_STATUS_UNAVAILABLE || reply.status == RPC_STATUS_DEADLINE_EXCEEDED
            ? CLI_EXIT_UNREACHABLE
            : CLI_EXIT_REFUSED;
    cli_client_reply_done(&reply);
    return NULL;
}

void cli_command_release(void *answer)
{
    ProtobufCMessage *message = *(ProtobufCMessage **)answer;
    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
}

bool cli_command_print(const struct cli_command *command, const void *answer)
{
    if (command->format != CLI_JSON && command->format != CLI_YAML)
        return false;
    cli_output_json(rpc_json_of(answer), command->format);
    return true;
}

/* ---- Asking people -------------------------------------------------------------------- */

static bool read_line(FILE *file, char *text, size_t size)
{
    if (!fgets(text, (int)size, file))
        return false;
    text[strcspn(text, "\r\n")] = '\0';
    return true;
}

int cli_command_confirm(const struct cli_command *command, const char *what, const char *name)
{
    if (command->is_yes)
        return 0;
    if (!isatty(STDIN_FILENO)) {
        cli_output_error("add --yes", "%s %s needs a confirmation", what, name);
        return CLI_EXIT_USAGE;
    }
    char typed[1024] = "";
    (void)fprintf(stderr, "%s %s: type the name to go on: ", what, name);
    if (!read_line(stdin, typed, sizeof(typed)) || strcmp(typed, name) != 0) {
        cli_output_error(NULL, "not confirmed, nothing was done");
        return CLI_EXIT_REFUSED;
    }
    return 0;
}

/* ---- A terminal must get its echo back, also when the question is broken off. */

static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
enum { INTERRUPT_COUNT = sizeof(interrupts) / sizeof(interrupts[0]) };

static void interrupt_came(int number)
{
    (void)number; /* the read under way ends with EINTR */
}

static void interrupts_hold(struct sigaction *ret_before)
{
    const struct sigaction noted = {.sa_handler = interrupt_came};
    for (size_t i = 0; i < INTERRUPT_COUNT; i++)
        (void)sigaction(interrupts[i], &noted, &ret_before[i]);
}

static void interrupts_release(const struct sigaction *before)
{
    for (size_t i = 0; i < INTERRUPT_COUNT; i++)
        (void)sigaction(interrupts[i], &before[i], NULL);
}

static bool read_hidden(FILE *terminal, const char *prompt, char *text)
{
    struct termios shown, hidden;
    if (tcgetattr(fileno(terminal), &shown) != 0)
        return false;
    struct sigaction before[INTERRUPT_COUNT];
    interrupts_hold(before);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    (void)fputs(prompt, terminal);
    (void)fflush(terminal);
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &hidden);
    const bool is_read = read_line(terminal, text, CLI_PASSWORD_SIZE);
    const int interrupt = is_read || errno != EINTR ? 0 : SIGINT;
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &shown);
    (void)fputc('\n', terminal);
    interrupts_release(before);
    if (interrupt)
        (void)raise(interrupt);
    return is_read;
}

int cli_command_password(const struct cli_command *command, const char *user, char *ret_text)
{
    if (command->is_password_stdin) {
        if (read_line(stdin, ret_text, CLI_PASSWORD_SIZE) && ret_text[0])
            return 0;
        cli_output_error(NULL, "standard input holds no password");
        return CLI_EXIT_USAGE;
    }
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (!terminal) {
        cli_output_error("use --password-stdin", "there is no terminal to ask for a password");
        return CLI_EXIT_USAGE;
    }
    char prompt[300], again[CLI_PASSWORD_SIZE] = "";
    (void)snprintf(prompt, sizeof(prompt), "Password for %.200s: ", user);
    const bool is_read =
        read_hidden(terminal, prompt, ret_text) && read_hidden(terminal, "Once more: ", again);
    const bool is_same = is_read && strcmp(ret_text, again) == 0;
    explicit_bzero(again, sizeof(again));
    (void)fclose(terminal);
    if (is_same)
        return 0;
    cli_output_error(NULL, "%s, nothing was done",
                     is_read ? "the passwords differ" : "no password was given");
    return CLI_EXIT_USAGE;
}
