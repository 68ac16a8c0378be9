/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_password.h"

#include "base/entropy.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"

struct admin_password_list {
    struct message start; /* done is never called from within the start */
    struct pool *pool;
    struct loop *home;
    uint32_t iterations;
    struct admin_password *rows;
    size_t count, next; /* rows; the first that no job has */
    unsigned jobs;      /* under way */
    int rc;
    admin_password_done_fn done;
    void *arg;
};

struct password_job {
    struct pool_job job; /* must stay first */
    struct admin_password_list *list;
    size_t first, count;
};

static void password_list_go_on(struct admin_password_list *list);

/* On a pool thread. */
static void password_work(struct pool_job *job)
{
    struct password_job *self = (struct password_job *)(void *)job;
    struct admin_password *rows = self->list->rows + self->first;
    char salts[ADMIN_PASSWORD_ROWS_A_JOB][SCRAM_VERIFIER_SALT_SIZE];
    struct scram_verifier_ask asks[ADMIN_PASSWORD_ROWS_A_JOB];
    for (unsigned k = 0; k < SCRAM_VERIFIER_KINDS; k++) {
        entropy_fill(salts, sizeof(salts));
        for (size_t i = 0; i < self->count; i++)
            asks[i] = (struct scram_verifier_ask){rows[i].password,
                                                  span_of(salts[i], sizeof(salts[i])),
                                                  &rows[i].verifiers[k], 0};
        scram_verifier_derive_many((enum scram_verifier_kind)(k + 1), asks, self->count,
                                   self->list->iterations);
    }
    /* What is wrong with a password is wrong with it for every kind. */
    for (size_t i = 0; i < self->count; i++)
        rows[i].rc = asks[i].rc;
}

static void password_worked(struct message *message, void *owner)
{
    struct password_job *self = (struct password_job *)(void *)message;
    struct admin_password_list *list = self->list;
    (void)owner;
    free(self);
    list->jobs--;
    password_list_go_on(list);
}

static void password_discarded(struct message *message)
{
    free(message);
}

/* Fills the places for jobs; reports when nothing is left. */
static void password_list_go_on(struct admin_password_list *list)
{
    while (list->rc == 0 && list->next < list->count && list->jobs < ADMIN_PASSWORD_JOBS_MAX) {
        struct password_job *self = mem_zeroed(1, sizeof(*self));
        const size_t left = list->count - list->next;
        *self = (struct password_job){
            .job = {.done = {.deliver = password_worked, .discard = password_discarded},
                    .work = password_work,
                    .home = list->home},
            .list = list,
            .first = list->next,
            .count = left < ADMIN_PASSWORD_ROWS_A_JOB ? left : ADMIN_PASSWORD_ROWS_A_JOB,
        };
        const int rc = pool_submit(list->pool, &self->job);
        if (rc < 0) {
            free(self);
            /* A full pool: wait for our own job to come home, if there is one. */
            if (list->jobs == 0)
                list->rc = rc;
            break;
        }
        list->next += self->count;
        list->jobs++;
    }
    if (list->jobs > 0)
        return;
    list->done(list->rc, list->arg);
    free(list);
}

static void password_list_start(struct message *message, void *owner)
{
    (void)owner;
    password_list_go_on((struct admin_password_list *)(void *)message);
}

struct admin_password_list *admin_password_derive(struct pool *pool, struct loop *home,
                                                  uint32_t iterations,
                                                  struct admin_password *rows, size_t count,
                                                  admin_password_done_fn done, void *arg)
{
    struct admin_password_list *list = mem_zeroed(1, sizeof(*list));
    *list = (struct admin_password_list){
        .start = {.deliver = password_list_start, .discard = password_discarded},
        .pool = pool,
        .home = home,
        .iterations = iterations,
        .rows = rows,
        .count = count,
        .done = done,
        .arg = arg,
    };
    loop_later(home, &list->start);
    return list;
}

void admin_password_stop(struct admin_password_list *list)
{
    list->rc = ERR_CLOSED;
}
