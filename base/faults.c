/* SPDX-License-Identifier: Apache-2.0 */
#include "base/faults.h"

#include <pthread.h>

#include "base/err.h"
#include "base/prng.h"
#include "base/span.h"

enum { FAULTS_PERMILLE = 1000 };

struct fault_point {
    char name[FAULTS_NAME_MAX + 1];
    uint64_t passed_count;
    uint64_t first, count; /* calls that fail; count 0: without end */
    unsigned permille;     /* above 0: by chance instead */
    struct prng chance;
};

atomic_bool faults_armed;

static struct {
    pthread_mutex_t lock;
    struct fault_point points[FAULTS_MAX];
    size_t point_count;
} armory = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Under the lock. */
static struct fault_point *fault_find(struct span name)
{
    for (size_t i = 0; i < armory.point_count; i++)
        if (span_is(name, armory.points[i].name))
            return &armory.points[i];
    return NULL;
}

static bool fault_strikes(struct fault_point *p)
{
    p->passed_count++;
    if (p->permille > 0)
        return prng_below(&p->chance, FAULTS_PERMILLE) < p->permille;
    return p->passed_count >= p->first &&
           (p->count == 0 || p->passed_count - p->first < p->count);
}

bool faults_hit(const char *name)
{
    (void)pthread_mutex_lock(&armory.lock);
    struct fault_point *p = fault_find(span_text(name));
    const bool fails = p && fault_strikes(p);
    (void)pthread_mutex_unlock(&armory.lock);
    return fails;
}

static int fault_arm(struct span name, const struct fault_point *wanted)
{
    if (name.size == 0 || name.size > FAULTS_NAME_MAX)
        return ERR_INVALID;

    int rc = 0;
    (void)pthread_mutex_lock(&armory.lock);
    struct fault_point *p = fault_find(name);
    if (!p && armory.point_count == FAULTS_MAX)
        rc = ERR_FULL;
    else if (!p)
        p = &armory.points[armory.point_count++];
    if (p) {
        *p = *wanted;
        memcpy(p->name, name.ptr, name.size);
        p->name[name.size] = '\0';
        atomic_store(&faults_armed, true);
    }
    (void)pthread_mutex_unlock(&armory.lock);
    return rc;
}

int faults_arm(const char *name, uint64_t nth, uint64_t count)
{
    if (nth == 0)
        return ERR_INVALID;
    return fault_arm(span_text(name), &(struct fault_point){.first = nth, .count = count});
}

static int fault_arm_random(struct span name, uint64_t permille, uint64_t seed)
{
    if (permille == 0 || permille > FAULTS_PERMILLE)
        return ERR_INVALID;
    struct fault_point wanted = {.permille = (unsigned)permille};
    prng_seed(&wanted.chance, seed);
    return fault_arm(name, &wanted);
}

int faults_arm_random(const char *name, unsigned permille, uint64_t seed)
{
    return fault_arm_random(span_text(name), permille, seed);
}

/* Reads digits off the front of text; false when there are none. */
static bool fault_take_number(struct span *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t size = 0;
    while (size < text->size && size < 18 && text->ptr[size] >= '0' && text->ptr[size] <= '9')
        number = number * 10 + (uint64_t)(text->ptr[size++] - '0');
    *text = span_from(*text, size);
    *ret_number = number;
    return size > 0;
}

static bool fault_take_sign(struct span *text, char sign)
{
    if (text->size == 0 || text->ptr[0] != sign)
        return false;
    *text = span_from(*text, 1);
    return true;
}

static int fault_arm_word(struct span word)
{
    const struct span name = span_first(word, span_index(word, '='));
    struct span rest = span_from(word, name.size + 1);
    uint64_t first = 0;
    uint64_t second = 1;

    const bool is_random = fault_take_sign(&rest, '~');
    if (!fault_take_number(&rest, &first))
        return ERR_INVALID;
    if (fault_take_sign(&rest, is_random ? '/' : '+') && !fault_take_number(&rest, &second))
        return ERR_INVALID;
    if (rest.size > 0)
        return ERR_INVALID;
    if (is_random)
        return fault_arm_random(name, first, second);
    return first == 0 ? ERR_INVALID
                      : fault_arm(name, &(struct fault_point){.first = first, .count = second});
}

int faults_arm_text(const char *text, struct strbuf *ret_why)
{
    struct span left = span_text(text);
    while (left.size > 0) {
        const struct span word = span_first(left, span_index(left, ' '));
        left = span_from(left, word.size + 1);
        if (word.size > 0 && fault_arm_word(word) < 0) {
            faults_reset();
            strbuf_printf(ret_why, "\"%.*s\" is not NAME=NTH, NAME=NTH+COUNT or ~PERMILLE/SEED",
                          SPAN_ARG(word));
            return ERR_INVALID;
        }
    }
    return 0;
}

uint64_t faults_passed(const char *name)
{
    (void)pthread_mutex_lock(&armory.lock);
    const struct fault_point *p = fault_find(span_text(name));
    const uint64_t count = p ? p->passed_count : 0;
    (void)pthread_mutex_unlock(&armory.lock);
    return count;
}

void faults_reset(void)
{
    (void)pthread_mutex_lock(&armory.lock);
    armory.point_count = 0;
    atomic_store(&faults_armed, false);
    (void)pthread_mutex_unlock(&armory.lock);
}
