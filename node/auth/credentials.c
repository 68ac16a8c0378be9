/* SPDX-License-Identifier: Apache-2.0 */
#include "node/auth/credentials.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/cleanup.h"
#include "base/entropy.h"
#include "base/hashmap.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "proto/auth/plain_cache.h"
#include "proto/auth/verifier_record.h"
#include "replication/read.h"
#include "replication/replica.h"

enum { PLAIN_ENTRIES_MAX = 10000, FAKE_KEY_SIZE = 32 };

struct credentials {
    struct replica *replica;
    struct pool *pool;
    uint8_t plain_key[PLAIN_CACHE_KEY_SIZE];
};

struct credentials_desk {
    struct credentials *shared;
    struct loop *loop;
    struct plain_cache *cache;
    struct hashmap checks; /* number -> struct credentials_check that is not answered yet */
    uint64_t number;
};

/* The caller's side of one question; lives on the loop until answered or cancelled. */
struct credentials_check {
    struct credentials_desk *desk;
    struct sasl_exchange *exchange; /* borrowed */
    credentials_answered_fn answered;
    void *arg;
    struct wheel_timer timer; /* holds the check back */
    uint64_t number;
    uint64_t question;
    enum sasl_exchange_action need;
    struct address_text user_text;
    struct span user; /* bare */
};

/* The work and its result. It goes to the pool, or straight home, and names its check by
 * number, for by then that may be gone. */
struct credentials_job {
    struct pool_job job;
    struct credentials_desk *desk;
    uint64_t number;
    uint64_t credentials_index;
    struct scram_verifier verifier; /* to check against, or the answer */
    struct strbuf password;
    enum sasl_exchange_verdict verdict; /* of a right password */
    bool is_new;                        /* the pool has found it to be right: remember it */
};

int credentials_new(struct replica *replica, struct pool *pool,
                    struct credentials **ret_credentials)
{
    struct credentials *c = mem_zeroed(1, sizeof(*c));
    c->replica = replica;
    c->pool = pool;
    entropy_fill(c->plain_key, sizeof(c->plain_key));
    *ret_credentials = c;
    return 0;
}

void credentials_free(struct credentials *c)
{
    if (!c)
        return;
    OPENSSL_cleanse(c, sizeof(*c));
    free(c);
}

struct credentials_desk *credentials_desk_new(struct credentials *c, struct loop *loop)
{
    struct credentials_desk *desk = mem_zeroed(1, sizeof(*desk));
    desk->shared = c;
    desk->loop = loop;
    desk->cache = plain_cache_new(c->plain_key, PLAIN_ENTRIES_MAX);
    return desk;
}

void credentials_desk_free(struct credentials_desk *desk)
{
    if (!desk)
        return;
    void *check = NULL;
    for (size_t position = 0; hashmap_next(&desk->checks, &position, NULL, &check);)
        free(check);
    hashmap_done(&desk->checks);
    plain_cache_free(desk->cache);
    free(desk);
}

/* Every way to store a password derives all kinds, so every account has them. */
void credentials_offer(const struct credentials_desk *desk, struct sasl_exchange_offer *offer)
{
    Store__SettingRow *row = NULL;
    offer->kinds = SCRAM_VERIFIER_ALL;
    offer->has_plain = true;
    if (read_setting(replica_view(desk->shared->replica), "auth.plain", &row) == 1) {
        offer->has_plain = strcmp(row->value, "false") != 0;
        store__setting_row__free_unpacked(row, NULL);
    }
}

static struct span check_key(const uint64_t *number)
{
    return span_of(number, sizeof(*number));
}

static void check_free(struct credentials_check *check)
{
    (void)hashmap_remove(&check->desk->checks, check_key(&check->number));
    wheel_cancel(loop_wheel(check->desk->loop), &check->timer);
    free(check);
}

void credentials_cancel(struct credentials_check *check)
{
    if (check)
        check_free(check);
}

static void job_free(struct message *message)
{
    struct credentials_job *job = (struct credentials_job *)message;
    if (job->password.data)
        OPENSSL_cleanse(job->password.data, job->password.capacity);
    strbuf_done(&job->password);
    scram_verifier_wipe(&job->verifier);
    free(job);
}

/* On the loop: the exchange goes on, if anybody still waits for it. */
static void job_came_home(struct message *message, void *owner)
{
    struct credentials_job *job = (struct credentials_job *)message;
    struct credentials_check *check = hashmap_find(&job->desk->checks, check_key(&job->number));
    (void)owner;
    if (!check) {
        job_free(message);
        return;
    }
    struct sasl_exchange *x = check->exchange;
    const credentials_answered_fn answered = check->answered;
    void *const arg = check->arg;
    if (job->is_new)
        plain_cache_put(job->desk->cache, check->user, job->credentials_index,
                        strbuf_span(&job->password), loop_now_ms(job->desk->loop));
    const uint64_t question = check->question;
    const bool is_scram = check->need == SASL_EXCHANGE_NEED_CREDENTIALS;
    check_free(check);

    enum sasl_exchange_action next = SASL_EXCHANGE_WAIT;
    if (is_scram) {
        uint8_t nonce[SASL_EXCHANGE_NONCE_SIZE];
        entropy_fill(nonce, sizeof(nonce));
        next = sasl_exchange_credentials(x, question, job->verdict, &job->verifier, nonce);
    } else {
        next = sasl_exchange_verdict(x, question, job->verdict);
    }
    job_free(message);
    answered(next, arg);
}

/* On the pool: what a password costs. */
static void job_work(struct pool_job *pool_job)
{
    struct credentials_job *job = (struct credentials_job *)pool_job;
    const bool is_right = scram_verifier_matches(&job->verifier, strbuf_span(&job->password));
    job->is_new = is_right && job->verdict == SASL_EXCHANGE_RIGHT;
    if (!is_right)
        job->verdict = SASL_EXCHANGE_WRONG;
}

/* Iterations of a fake verifier: those that a new account would have. */
static uint32_t fake_iterations(const struct statedb_view *view)
{
    Store__SettingRow *row = NULL;
    uint32_t iterations = 0;
    if (read_setting(view, "auth.iterations", &row) == 1) {
        for (const char *c = row->value; *c >= '0' && *c <= '9' && iterations < 10000000; c++)
            iterations = iterations * 10 + (uint32_t)(*c - '0');
        store__setting_row__free_unpacked(row, NULL);
    }
    const bool is_sound = iterations >= SCRAM_VERIFIER_ITERATIONS_MIN &&
                          iterations <= SCRAM_VERIFIER_ITERATIONS_MAX;
    return is_sound ? iterations : SCRAM_VERIFIER_ITERATIONS;
}

/* The key of the fakes: the same on every node, known to none but them. */
static int fake_key(const struct statedb_view *view, uint8_t key[FAKE_KEY_SIZE])
{
    static const char purpose[] = "verifiers of unknown users";
    Store__ClusterRow *row = NULL;
    const int rc = read_cluster(view, &row);
    if (rc < 0)
        return rc;
    HMAC(EVP_sha256(), rc ? row->cluster_id.data : (const uint8_t *)"",
         rc ? (int)row->cluster_id.len : 0, (const uint8_t *)purpose, sizeof(purpose), key,
         NULL);
    if (rc)
        store__cluster_row__free_unpacked(row, NULL);
    return 0;
}

static int fake_verifier(const struct statedb_view *view, struct span user,
                         enum scram_verifier_kind kind, struct scram_verifier *ret_verifier)
{
    uint8_t key[FAKE_KEY_SIZE];
    const int rc = fake_key(view, key);
    if (rc < 0)
        return rc;
    scram_verifier_fake(kind, span_of(key, sizeof(key)), user, fake_iterations(view),
                        ret_verifier);
    OPENSSL_cleanse(key, sizeof(key));
    return 0;
}

/* The verifier of that kind; for a plain password (kind 0) the one that costs least. */
static bool find_verifier(const Store__UserRow *row, enum scram_verifier_kind kind,
                          struct scram_verifier *ret_verifier)
{
    static const enum scram_verifier_kind any[] = {SCRAM_VERIFIER_SHA_256, SCRAM_VERIFIER_SHA_1,
                                                   SCRAM_VERIFIER_SHA_512};
    if (kind)
        return verifier_record_find(row->verifiers, row->n_verifiers, kind, ret_verifier) == 1;
    for (size_t i = 0; i < SCRAM_VERIFIER_KINDS; i++)
        if (verifier_record_find(row->verifiers, row->n_verifiers, any[i], ret_verifier) == 1)
            return true;
    return false;
}

/* Fills verifier, index and verdict from the store, as if the password were right. Returns 1
 * for a user that exists, 0 for one that does not (verdict WRONG), or a negative error. */
static int job_read(struct credentials_job *job, const struct credentials_check *check,
                    enum scram_verifier_kind kind)
{
    const struct statedb_view *view = replica_view(job->desk->shared->replica);
    Store__UserRow *row = NULL;
    int rc = read_user(view, check->user, &row);
    if (rc < 0)
        return rc;
    job->verdict = SASL_EXCHANGE_WRONG;
    bool has_verifier = false;
    if (row) {
        job->verdict = row->is_disabled ? SASL_EXCHANGE_DISABLED : SASL_EXCHANGE_RIGHT;
        job->credentials_index = row->credentials_index;
        has_verifier = find_verifier(row, kind, &job->verifier);
        store__user_row__free_unpacked(row, NULL);
    }
    if (!has_verifier) {
        const int failed = fake_verifier(view, check->user,
                                         kind ? kind : SCRAM_VERIFIER_SHA_256, &job->verifier);
        if (failed < 0)
            return failed;
    }
    return rc;
}

/* Whether the pool has it now; if not, the verdict stands already. */
static bool job_submit_plain(struct credentials_job *job, const struct credentials_check *check)
{
    struct credentials_desk *desk = job->desk;
    const struct span password = strbuf_span(&check->exchange->password);
    if (job->verdict == SASL_EXCHANGE_RIGHT &&
        plain_cache_has(desk->cache, check->user, job->credentials_index, password,
                        loop_now_ms(desk->loop)))
        return false;
    strbuf_add(&job->password, password);
    if (pool_submit(desk->shared->pool, &job->job) == 0)
        return true;
    job->verdict = SASL_EXCHANGE_UNAVAILABLE; /* the pool is full: not now */
    return false;
}

static void check_begin(struct credentials_check *check)
{
    struct credentials_desk *desk = check->desk;
    struct credentials_job *job = mem_zeroed(1, sizeof(*job));
    job->job = (struct pool_job){.done = {.deliver = job_came_home, .discard = job_free},
                                 .work = job_work,
                                 .home = desk->loop};
    job->desk = desk;
    job->number = check->number;
    const bool is_scram = check->need == SASL_EXCHANGE_NEED_CREDENTIALS;
    const int rc = job_read(job, check, is_scram ? check->exchange->kind : 0);
    if (rc < 0)
        job->verdict = SASL_EXCHANGE_UNAVAILABLE;
    else if (is_scram && job->verdict == SASL_EXCHANGE_WRONG)
        job->verdict = SASL_EXCHANGE_RIGHT; /* nobody can prove to know a fake */
    else if (check->need == SASL_EXCHANGE_NEED_PLAIN_CHECK && job_submit_plain(job, check))
        return;
    loop_later(desk->loop, &job->job.done);
}

static void check_due(struct wheel_timer *timer, void *arg)
{
    (void)timer;
    check_begin(arg);
}

struct credentials_check *credentials_serve(struct credentials_desk *desk,
                                            struct sasl_exchange *x,
                                            enum sasl_exchange_action need, uint64_t delay_ms,
                                            credentials_answered_fn answered, void *arg)
{
    assert(x->state == SASL_EXCHANGE_AWAITS_ANSWER && x->asked == need);
    struct credentials_check *check = mem_zeroed(1, sizeof(*check));
    struct address user;
    *check = (struct credentials_check){.desk = desk,
                                        .exchange = x,
                                        .need = need,
                                        .question = x->question,
                                        .number = ++desk->number,
                                        .answered = answered,
                                        .arg = arg,
                                        .timer = {.expired = check_due, .arg = check}};
    address_join(x->user, x->offer.domain, SPAN_NONE, &check->user_text, &user);
    check->user = address_bare(&user);
    (void)hashmap_set(&desk->checks, check_key(&check->number), check);
    if (delay_ms)
        wheel_set(loop_wheel(desk->loop), &check->timer, loop_now_ms(desk->loop) + delay_ms);
    else
        check_begin(check);
    return check;
}
