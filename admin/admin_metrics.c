/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/admin_api.h"
#include "admin/admin_hooks.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/monoclock.h"
#include "base/tlsctx.h"
#include "replication/replica.h"

enum { METRICS_MAX = 24 };

struct admin_metrics {
    struct admin_api *api;
    struct tlsctx *tls;
    struct metric *metrics[METRICS_MAX];
    size_t count;
};

static struct replica_status metrics_status(void *arg)
{
    const struct admin_metrics *m = arg;
    struct replica_status status;
    replica_status(m->api->replica, &status);
    return status;
}

static double metrics_term(void *arg)
{
    return (double)metrics_status(arg).term;
}

static double metrics_is_leader(void *arg)
{
    return metrics_status(arg).is_leader ? 1 : 0;
}

static double metrics_commit(void *arg)
{
    return (double)metrics_status(arg).commit_index;
}

static double metrics_applied(void *arg)
{
    return (double)metrics_status(arg).applied_index;
}

static double metrics_in_flight(void *arg)
{
    return (double)metrics_status(arg).in_flight_count;
}

static double metrics_store_size(void *arg)
{
    return (double)metrics_status(arg).store_size;
}

static double metrics_disk_free(void *arg)
{
    return (double)metrics_status(arg).disk_free;
}

static double metrics_up(void *arg)
{
    const struct admin_metrics *m = arg;
    return (double)(monoclock_ms() - m->api->started_ms) / 1000;
}

static double metrics_started(void *arg)
{
    const struct admin_metrics *m = arg;
    return (double)m->api->started_us / 1e6;
}

static double metrics_one(void *arg)
{
    (void)arg;
    return 1;
}

static double metrics_not_after(void *arg)
{
    const struct admin_metrics *m = arg;
    return (double)tlsctx_not_after(m->tls);
}

static double metrics_files(void *arg)
{
    (void)arg;
    DIR *directory = opendir("/proc/self/fd");
    double count = 0;
    while (directory && readdir(directory))
        count++;
    if (directory)
        (void)closedir(directory);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the directory itself */
}

static double metrics_files_max(void *arg)
{
    (void)arg;
    struct rlimit limit = {0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return (double)limit.rlim_cur;
}

static double metrics_resident(void *arg)
{
    (void)arg;
    FILE *file = fopen("/proc/self/statm", "re");
    char text[128] = "";
    if (file) {
        if (!fgets(text, sizeof(text), file))
            text[0] = '\0';
        (void)fclose(file);
    }
    char *rest = NULL;
    (void)strtoull(text, &rest, 10); /* the first number is the virtual size */
    return (double)strtoull(rest, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

static double metrics_cpu(void *arg)
{
    (void)arg;
    struct rusage used = {0};
    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void metrics_add(struct admin_metrics *m, struct metric *metric)
{
    m->metrics[m->count++] = metric;
}

struct admin_metrics *admin_metrics_new(struct admin_api *api, struct tlsctx *tls)
{
    static const struct {
        const char *name, *help;
        metric_read_fn read;
    } gauges[] = {
        {"up_seconds", "Since the node started.", metrics_up},
        {"fd_open", "Open file descriptors.", metrics_files},
        {"raft_term", "Current term.", metrics_term},
        {"raft_is_leader", "1 on the leader.", metrics_is_leader},
        {"raft_commit_index", "Index of the last committed entry.", metrics_commit},
        {"raft_applied_index", "Index of the last applied entry.", metrics_applied},
        {"raft_proposals_in_flight", "Changes accepted and not answered.", metrics_in_flight},
        {"store_bytes", "Size of the state database.", metrics_store_size},
        {"store_disk_free_bytes", "Free space below data_dir.", metrics_disk_free},
        {"process_start_time_seconds", "Start of the process.", metrics_started},
        {"process_open_fds", "Open file descriptors.", metrics_files},
        {"process_max_fds", "Open file descriptors allowed.", metrics_files_max},
        {"process_resident_memory_bytes", "Resident memory.", metrics_resident},
    };
    struct admin_metrics *m = mem_zeroed(1, sizeof(*m));
    m->api = api;
    m->tls = tls;
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        metrics_add(m, metric_gauge_fn(gauges[i].name, gauges[i].help, gauges[i].read, m));
    metrics_add(m, metric_counter_fn("process_cpu_seconds_total", "Processor time used.",
                                     metrics_cpu, m));
    metrics_add(m, metric_gauge_fn("build_info", "Always 1; the version is a label.",
                                   metrics_one, m, "version", api->version));
    if (tls)
        metrics_add(m, metric_gauge_fn("tls_certificate_not_after_seconds",
                                       "When the certificate expires.", metrics_not_after, m,
                                       "usage", "admin"));
    return m;
}

void admin_metrics_free(struct admin_metrics *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++)
        metric_forget(m->metrics[i]);
    free(m);
}
