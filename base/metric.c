/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "base/mem.h"

enum {
    METRIC_PAGE_CELLS = 256,
    METRIC_PAGES = METRIC_CELLS_MAX / METRIC_PAGE_CELLS,
    METRIC_BUCKETS = 16,                    /* the last one is +Inf */
    METRIC_CELLS_MOST = METRIC_BUCKETS + 1, /* a histogram's, with its sum in ns */
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Texts as OpenMetrics wants them ("1.0"), in both formats, so that a series keeps its name. */
static const struct {
    double bound; /* seconds */
    const char *text;
} buckets[METRIC_BUCKETS] = {
    {0.0005, "0.0005"}, {0.001, "0.001"}, {0.0025, "0.0025"}, {0.005, "0.005"},
    {0.01, "0.01"},     {0.025, "0.025"}, {0.05, "0.05"},     {0.1, "0.1"},
    {0.25, "0.25"},     {0.5, "0.5"},     {1, "1.0"},         {2.5, "2.5"},
    {5, "5.0"},         {10, "10.0"},     {30, "30.0"},       {INFINITY, "+Inf"},
};
static const char *const type_names[] = {"counter", "gauge", "histogram"};

struct metric {
    struct metric *next; /* of the family */
    char *labels;        /* as rendered, without braces; "" for none */
    enum metric_type type;
    unsigned first_cell;
    metric_read_fn fn; /* NULL: cells */
    void *arg;
    _Atomic double set_value; /* gauges */
};

struct metric_family {
    struct metric_family *next; /* by name */
    char *name;
    char *help;
    enum metric_type type;
    struct metric *metrics;
};

struct metric_page {
    atomic_uint_fast64_t cells[METRIC_PAGE_CELLS];
};

/* One thread's cells: it alone writes them, the renderer reads. */
struct metric_thread {
    struct metric_thread *next;
    _Atomic(struct metric_page *) pages[METRIC_PAGES];
};

static struct {
    pthread_mutex_t lock; /* guards all of it */
    struct metric_family *families;
    unsigned cell_count;
    unsigned metric_count;
    struct metric_thread *threads;
    struct metric_thread retired; /* sums of the threads that ended */
    struct metric beyond;         /* where metrics above the maximum count; takes any number */
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER,
              .cell_count = METRIC_CELLS_MOST,
              .beyond = {.type = METRIC_GAUGE}};

static pthread_once_t thread_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key; /* written once, before its first use */
static _Thread_local struct metric_thread *own_thread;

/* ---- cells ---- */

static atomic_uint_fast64_t *cell_of(struct metric_thread *t, unsigned cell)
{
    _Atomic(struct metric_page *) *slot = &t->pages[cell / METRIC_PAGE_CELLS];
    struct metric_page *page = atomic_load_explicit(slot, memory_order_acquire);
    if (!page) {
        page = mem_zeroed(1, sizeof(*page));
        atomic_store_explicit(slot, page, memory_order_release);
    }
    return &page->cells[cell % METRIC_PAGE_CELLS];
}

/* Only the thread itself, or the lock's holder for the retired cells: no lost updates. */
static void cell_add(struct metric_thread *t, unsigned cell, uint64_t n)
{
    atomic_uint_fast64_t *c = cell_of(t, cell);
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static uint64_t cell_read(struct metric_thread *t, unsigned cell)
{
    struct metric_page *page =
        atomic_load_explicit(&t->pages[cell / METRIC_PAGE_CELLS], memory_order_acquire);
    return page ? atomic_load_explicit(&page->cells[cell % METRIC_PAGE_CELLS],
                                       memory_order_relaxed)
                : 0;
}

/* Under the lock. */
static uint64_t cell_sum(unsigned cell)
{
    uint64_t sum = cell_read(&registry.retired, cell);
    for (struct metric_thread *t = registry.threads; t; t = t->next)
        sum += cell_read(t, cell);
    return sum;
}

static void metric_thread_ended(void *ended)
{
    struct metric_thread *thread = ended;
    (void)pthread_mutex_lock(&registry.lock);
    for (unsigned cell = 0; cell < registry.cell_count; cell++) {
        const uint64_t n = cell_read(thread, cell);
        if (n)
            cell_add(&registry.retired, cell, n);
    }
    struct metric_thread **at = &registry.threads;
    while (*at != thread)
        at = &(*at)->next;
    *at = thread->next;
    (void)pthread_mutex_unlock(&registry.lock);

    for (unsigned i = 0; i < METRIC_PAGES; i++)
        free(atomic_load(&thread->pages[i]));
    free(thread);
    own_thread = NULL;
}

static void make_thread_key(void)
{
    if (pthread_key_create(&thread_key, metric_thread_ended) != 0)
        abort();
}

static struct metric_thread *thread_cells(void)
{
    if (own_thread)
        return own_thread;
    (void)pthread_once(&thread_key_once, make_thread_key);
    own_thread = mem_zeroed(1, sizeof(*own_thread));
    if (pthread_setspecific(thread_key, own_thread) != 0)
        abort();
    (void)pthread_mutex_lock(&registry.lock);
    own_thread->next = registry.threads;
    registry.threads = own_thread;
    (void)pthread_mutex_unlock(&registry.lock);
    return own_thread;
}

void metric_add(struct metric *m, int64_t n)
{
    assert(n >= 0 || m->type == METRIC_GAUGE);
    cell_add(thread_cells(), m->first_cell, (uint64_t)n);
}

void metric_set(struct metric *m, double value)
{
    atomic_store_explicit(&m->set_value, value, memory_order_relaxed);
}

void metric_observe(struct metric *m, double seconds)
{
    unsigned bucket = 0;
    if (!(seconds > 0)) /* a clock that stepped back, or no number */
        seconds = 0;
    while (bucket < METRIC_BUCKETS - 1 && seconds > buckets[bucket].bound)
        bucket++;
    struct metric_thread *t = thread_cells();
    cell_add(t, m->first_cell + bucket, 1);
    cell_add(t, m->first_cell + METRIC_BUCKETS,
             (uint64_t)((seconds < 1e9 ? seconds : 1e9) * 1e9));
}

/* ---- registering ---- */

static void label_add_escaped(struct strbuf *out, const char *text, bool has_quotes)
{
    for (; *text; text++) {
        if (*text == '\\' || (*text == '"' && has_quotes))
            strbuf_add_byte(out, '\\');
        if (*text == '\n')
            strbuf_add_text(out, "\\n");
        else
            strbuf_add_byte(out, *text);
    }
}

static void label_format_all(struct strbuf *out, va_list pairs)
{
    int count = 0;
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): every caller has started it */
    for (const char *label = va_arg(pairs, const char *); label;
         label = va_arg(pairs, const char *)) {
        const char *value = va_arg(pairs, const char *);
        assert(value && count < METRIC_LABELS_MAX);
        strbuf_printf(out, "%s%s=\"", count++ ? "," : "", label);
        label_add_escaped(out, value, true);
        strbuf_add_byte(out, '"');
    }
}

/* Under the lock: the family of that name, made where it is missing. */
static struct metric_family *metric_family_of(const char *name, const char *help,
                                              enum metric_type type)
{
    CLEANUP(strbuf_done) struct strbuf full = {0};
    if (!span_has_prefix(span_text(name), SPAN("process_")))
        strbuf_add_text(&full, "presenced_");
    strbuf_add_text(&full, name);

    struct metric_family **at = &registry.families;
    while (*at && strcmp((*at)->name, full.data) < 0)
        at = &(*at)->next;
    if (*at && strcmp((*at)->name, full.data) == 0) {
        assert((*at)->type == type);
        return *at;
    }
    struct metric_family *family = mem_zeroed(1, sizeof(*family));
    family->name = strbuf_steal(&full);
    family->help = mem_text(help, strlen(help));
    family->type = type;
    family->next = *at;
    *at = family;
    return family;
}

static struct metric *metric_find_or_make(const char *name, const char *help,
                                          const struct metric *like, va_list pairs)
{
    CLEANUP(strbuf_done) struct strbuf labels = {0};
    label_format_all(&labels, pairs);
    const unsigned cells = like->fn                         ? 0
                           : like->type == METRIC_HISTOGRAM ? METRIC_CELLS_MOST
                                                            : 1;

    (void)pthread_mutex_lock(&registry.lock);
    struct metric_family *family = metric_family_of(name, help, like->type);
    struct metric **at = &family->metrics;
    while (*at && strcmp((*at)->labels, strbuf_span(&labels).ptr) != 0)
        at = &(*at)->next;
    struct metric *m = *at;
    if (!m && (registry.metric_count == METRIC_METRICS_MAX ||
               registry.cell_count + cells > METRIC_CELLS_MAX)) {
        m = &registry.beyond;
    }
    if (!m) {
        m = mem_zeroed(1, sizeof(*m));
        m->type = like->type;
        m->labels = strbuf_steal(&labels);
        m->first_cell = registry.cell_count;
        registry.cell_count += cells;
        registry.metric_count++;
        *at = m;
    }
    if (m != &registry.beyond) {
        m->fn = like->fn;
        m->arg = like->arg;
    }
    (void)pthread_mutex_unlock(&registry.lock);
    return m;
}

struct metric *metric_counter_labeled(const char *name, const char *help, ...)
{
    const struct span end = SPAN("_total");
    const size_t size = strlen(name);
    assert(size > end.size && strcmp(name + size - end.size, end.ptr) == 0);
    (void)size, (void)end;

    va_list pairs;
    va_start(pairs, help);
    struct metric *m =
        metric_find_or_make(name, help, &(struct metric){.type = METRIC_COUNTER}, pairs);
    va_end(pairs);
    return m;
}

struct metric *metric_gauge_labeled(const char *name, const char *help, ...)
{
    va_list pairs;
    va_start(pairs, help);
    struct metric *m =
        metric_find_or_make(name, help, &(struct metric){.type = METRIC_GAUGE}, pairs);
    va_end(pairs);
    return m;
}

struct metric *metric_histogram_labeled(const char *name, const char *help, ...)
{
    va_list pairs;
    va_start(pairs, help);
    struct metric *m =
        metric_find_or_make(name, help, &(struct metric){.type = METRIC_HISTOGRAM}, pairs);
    va_end(pairs);
    return m;
}

struct metric *metric_gauge_fn_labeled(const char *name, const char *help, metric_read_fn fn,
                                       void *arg, ...)
{
    va_list pairs;
    va_start(pairs, arg);
    struct metric *m = metric_find_or_make(
        name, help, &(struct metric){.type = METRIC_GAUGE, .fn = fn, .arg = arg}, pairs);
    va_end(pairs);
    return m;
}

struct metric *metric_counter_fn_labeled(const char *name, const char *help, metric_read_fn fn,
                                         void *arg, ...)
{
    va_list pairs;
    va_start(pairs, arg);
    struct metric *m = metric_find_or_make(
        name, help, &(struct metric){.type = METRIC_COUNTER, .fn = fn, .arg = arg}, pairs);
    va_end(pairs);
    return m;
}

void metric_forget(struct metric *m)
{
    (void)pthread_mutex_lock(&registry.lock);
    for (struct metric_family *family = registry.families; family; family = family->next) {
        struct metric **at = &family->metrics;
        while (*at && *at != m)
            at = &(*at)->next;
        if (!*at)
            continue;
        assert(m->fn);
        *at = m->next;
        registry.metric_count--;
        free(m->labels);
        free(m);
        break;
    }
    (void)pthread_mutex_unlock(&registry.lock);
}

/* ---- reading ---- */

/* Under the lock. */
static double metric_scalar(struct metric *m)
{
    if (m->fn)
        return m->fn(m->arg);
    if (m->type == METRIC_GAUGE)
        return (double)(int64_t)cell_sum(m->first_cell) +
               atomic_load_explicit(&m->set_value, memory_order_relaxed);
    return (double)cell_sum(m->first_cell);
}

static uint64_t observation_count(const struct metric *m)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < METRIC_BUCKETS; i++)
        count += cell_sum(m->first_cell + i);
    return count;
}

double metric_value(struct metric *m)
{
    (void)pthread_mutex_lock(&registry.lock);
    const double value =
        m->type == METRIC_HISTOGRAM ? (double)observation_count(m) : metric_scalar(m);
    (void)pthread_mutex_unlock(&registry.lock);
    return value;
}

static void sample_add_double(struct strbuf *out, double value)
{
    if (isnan(value))
        strbuf_add_text(out, "NaN");
    else if (isinf(value))
        strbuf_add_text(out, value > 0 ? "+Inf" : "-Inf");
    else
        strbuf_printf(out, "%.15g", value);
}

static void sample_add_name(struct strbuf *out, const char *name, const char *ending,
                            const char *labels)
{
    strbuf_printf(out, "%s%s", name, ending);
    if (labels[0])
        strbuf_printf(out, "{%s}", labels);
    strbuf_add_byte(out, ' ');
}

static void render_histogram(struct strbuf *out, const char *name, const struct metric *m)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
        count += cell_sum(m->first_cell + i);
        strbuf_printf(out, "%s_bucket{%s%sle=\"%s\"} ", name, m->labels,
                      m->labels[0] ? "," : "", buckets[i].text);
        strbuf_add_number(out, count);
        strbuf_add_byte(out, '\n');
    }
    sample_add_name(out, name, "_sum", m->labels);
    sample_add_double(out, (double)cell_sum(m->first_cell + METRIC_BUCKETS) / 1e9);
    strbuf_add_byte(out, '\n');
    sample_add_name(out, name, "_count", m->labels);
    strbuf_add_number(out, count);
    strbuf_add_byte(out, '\n');
}

static void render_family(struct strbuf *out, const struct metric_family *family,
                          bool is_openmetrics)
{
    size_t size = strlen(family->name);
    if (is_openmetrics && family->type == METRIC_COUNTER)
        size -= SPAN("_total").size; /* the family's name there; its samples keep the ending */
    strbuf_printf(out, "# HELP %.*s ", (int)size, family->name);
    label_add_escaped(out, family->help, is_openmetrics);
    strbuf_printf(out, "\n# TYPE %.*s %s\n", (int)size, family->name, type_names[family->type]);
    for (struct metric *m = family->metrics; m; m = m->next) {
        if (m->type == METRIC_HISTOGRAM) {
            render_histogram(out, family->name, m);
            continue;
        }
        sample_add_name(out, family->name, "", m->labels);
        sample_add_double(out, metric_scalar(m));
        strbuf_add_byte(out, '\n');
    }
}

void metric_render(struct strbuf *out, bool is_openmetrics)
{
    (void)pthread_mutex_lock(&registry.lock);
    for (const struct metric_family *f = registry.families; f; f = f->next)
        if (f->metrics)
            render_family(out, f, is_openmetrics);
    (void)pthread_mutex_unlock(&registry.lock);
    if (is_openmetrics)
        strbuf_add_text(out, "# EOF\n");
}
