/* SPDX-License-Identifier: Apache-2.0 */
/* presenced: the daemon. Reads its command line and node.yaml, runs the node, and ends with
 * a status that tells the supervisor what to do (presenced(8)). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "admin/node_config.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "node/presence_node.h"

enum main_verb { MAIN_RUN, MAIN_CHECK, MAIN_PRINT };

static const char usage[] =
    "usage: presenced --config FILE          run the node\n"
    "       presenced --check-config FILE    check a configuration and exit\n"
    "       presenced --print-config FILE    print what would be in force and exit\n"
    "       presenced --version | --help\n"
    "\n"
    "exit status: 0 stopped, 1 cannot start (port, permission), 2 configuration,\n"
    "3 store damaged or of another node (do not restart), 4 store write failed (restart)\n";

/* Each connection takes a descriptor: use all that we may. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void free_config(struct node_config **config)
{
    node_config_free(*config);
}

static int read_and_run(enum main_verb verb, const char *file)
{
    CLEANUP(free_config) struct node_config *config = NULL;
    CLEANUP(strbuf_done) struct strbuf text = {0};

    if (node_config_read(file, &config, &text) < 0) {
        (void)fputs(strbuf_span(&text).ptr, stderr);
        return PRESENCE_NODE_EXIT_CONFIG;
    }
    if (verb == MAIN_CHECK) {
        (void)printf("%s: ok\n", file);
        return PRESENCE_NODE_EXIT_STOPPED;
    }
    if (verb == MAIN_PRINT) {
        node_config_print(config, &text);
        (void)fputs(strbuf_span(&text).ptr, stdout);
        return PRESENCE_NODE_EXIT_STOPPED;
    }
    raise_file_limit();
    (void)signal(SIGPIPE, SIG_IGN); /* a log reader that goes away is no reason to die */
    return presence_node_run(config, PRESENCED_VERSION);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", required_argument, NULL, 't'},
                                            {"print-config", required_argument, NULL, 'p'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL;
    enum main_verb verb = MAIN_RUN;

    for (int opt; (opt = getopt_long(argc, argv, "c:t:p:Vh", options, NULL)) != -1;) {
        switch (opt) {
        case 'c':
        case 't':
        case 'p':
            verb = opt == 't' ? MAIN_CHECK : opt == 'p' ? MAIN_PRINT : MAIN_RUN;
            file = optarg;
            break;
        case 'V':
            (void)puts("presenced " PRESENCED_VERSION);
            return PRESENCE_NODE_EXIT_STOPPED;
        case 'h':
            (void)fputs(usage, stdout);
            return PRESENCE_NODE_EXIT_STOPPED;
        default:
            (void)fputs(usage, stderr);
            return PRESENCE_NODE_EXIT_CONFIG;
        }
    }
    if (!file || optind != argc) {
        (void)fputs(usage, stderr);
        return PRESENCE_NODE_EXIT_CONFIG;
    }
    return read_and_run(verb, file);
}
