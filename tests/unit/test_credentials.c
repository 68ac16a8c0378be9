/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.h over a real store and pool: every kind of question about every kind of
 * account, and answers that come when nobody waits any more. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "node/auth/credentials.h"
#include "proto/auth/verifier_record.h"
#include "replication/replica.h"
#include "tests/support/scram_client.h"
#include "tests/support/tempdir.h"

static struct tempdir store_dir;
static struct replica *replica;
static struct pool *pool;
static struct credentials *credentials;

/* ---- Filling the store ---------------------------------------------------------------- */
struct writer {
    struct message message;
    struct proposal proposal;
};

static void write_answered(struct proposal *p, void *owner)
{
    struct loop *loop = owner;
    assert_int_equal(p->rc, 0);
    assert_int_equal(p->result->outcome, STORE__RESULT__OUTCOME__DONE);
    loop_stop(loop);
}

static void write_begin(struct message *self, void *owner)
{
    struct writer *w = (struct writer *)self;
    (void)owner;
    assert_int_equal(replica_propose(replica, &w->proposal), 0);
}

static void commit(const Store__Command *command)
{
    struct loop *loop = NULL;
    struct writer w = {.message.deliver = write_begin, .proposal.answered = write_answered};
    assert_int_equal(loop_new("writer", 16, &loop), 0);
    loop_set_owner(loop, loop);
    w.proposal.home = loop;
    proposal_fill(&w.proposal, command);
    assert_int_equal(loop_post(loop, &w.message), 0);
    loop_run(loop);
    proposal_release(&w.proposal);
    loop_free(loop);
}

static void put_user(const char *user, const char *password, unsigned kinds, bool is_disabled,
                     Store__UserPut__Mode mode)
{
    static const uint8_t salts[VERIFIER_RECORD_SALTS_SIZE] = {1, 2, 3};
    struct verifier_record_set set;
    Store__UserPut put = STORE__USER_PUT__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    assert_int_equal(verifier_record_derive(span_text(password), kinds, 4096, salts, &set), 0);
    put.mode = mode;
    put.user = (char *)user;
    put.verifiers = set.pointers;
    put.n_verifiers = set.count;
    put.is_disabled = is_disabled;
    command.body_case = STORE__COMMAND__BODY_USER_PUT;
    command.user_put = &put;
    commit(&command);
}

static void put_setting(const char *name, const char *value)
{
    Store__SettingSet set = STORE__SETTING_SET__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    set.name = (char *)name;
    set.value = (char *)value;
    command.body_case = STORE__COMMAND__BODY_SETTING_SET;
    command.setting_set = &set;
    commit(&command);
}

static void init_cluster(void)
{
    uint8_t id[16] = {42};
    Store__ClusterInit init = STORE__CLUSTER_INIT__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    init.cluster_id = (ProtobufCBinaryData){sizeof(id), id};
    init.domain = (char *)"demo.example";
    init.node_id = 1;
    init.node_name = (char *)"n1";
    command.body_case = STORE__COMMAND__BODY_CLUSTER_INIT;
    command.cluster_init = &init;
    commit(&command);
}

static void credentials_store_failed(int rc, const char *why, void *arg)
{
    (void)arg;
    fail_msg("%s: %s", err_name(rc), why);
}

static int store_opened(void **state)
{
    (void)state;
    struct strbuf why = {0};
    tempdir_make(&store_dir);
    const struct replica_config config = {.data_dir = store_dir.path,
                                          .node_name = "n1",
                                          .node_id = 1,
                                          .may_create = true,
                                          .seed = 7,
                                          .free_space_min = 1 << 20};
    static const struct replica_events events = {.failed = credentials_store_failed};
    assert_int_equal(replica_open(&config, &events, &replica, &why), 0);
    strbuf_done(&why);
    assert_int_equal(pool_new(1, 8, &pool), 0);
    assert_int_equal(credentials_new(replica, pool, &credentials), 0);
    init_cluster();
    put_user("alice@demo.example", "secret", SCRAM_VERIFIER_ALL, false,
             STORE__USER_PUT__MODE__CREATE);
    put_user("bob@demo.example", "secret", SCRAM_VERIFIER_ALL, true,
             STORE__USER_PUT__MODE__CREATE);
    put_user("old@demo.example", "secret", SCRAM_VERIFIER_BIT(SCRAM_VERIFIER_SHA_1), false,
             STORE__USER_PUT__MODE__CREATE);
    return 0;
}

static int store_closed(void **state)
{
    (void)state;
    credentials_free(credentials);
    pool_free(pool);
    replica_close(replica);
    replica_free(replica);
    tempdir_remove(&store_dir);
    return 0;
}

/* ---- One question --------------------------------------------------------------------- */
struct asker {
    struct message message;
    struct loop *loop;
    struct credentials_desk *desk;
    struct credentials_check *check;
    struct sasl_exchange exchange;
    enum sasl_exchange_action next; /* the answer */
    uint64_t delay_ms, asked_ms, answered_ms;
    unsigned answer_count;
    bool is_cancelled;
    const char *more[3]; /* passwords of alice to try next on the same desk, newest last */
    enum sasl_exchange_action answers[4];
    struct wheel_timer patience;
};

/* PLAIN as alice; the exchange is a new one. */
static void asker_again(struct asker *a, const char *password)
{
    struct strbuf message = {0}, text = {0};
    const struct sasl_exchange_offer offer = a->exchange.offer;
    struct address_part domain = a->exchange.domain;
    struct sasl_exchange_offer same = offer;
    same.domain = span_of(domain.bytes, offer.domain.size);
    sasl_exchange_done(&a->exchange);
    sasl_exchange_init(&a->exchange, &same);
    strbuf_add(&message, SPAN("\0alice\0"));
    strbuf_add_text(&message, password);
    base64_encode(&text, strbuf_span(&message));
    (void)sasl_exchange_begin(&a->exchange, SPAN("PLAIN"), strbuf_span(&text));
    strbuf_done(&message);
    strbuf_done(&text);
}

static void asker_answered(enum sasl_exchange_action next, void *arg)
{
    struct asker *a = arg;
    a->next = next;
    a->answers[a->answer_count] = next;
    a->answered_ms = loop_now_ms(a->loop);
    const char *password = a->more[a->answer_count++];
    if (password) {
        asker_again(a, password);
        a->check =
            credentials_serve(a->desk, &a->exchange, a->exchange.asked, 0, asker_answered, a);
    } else if (!a->is_cancelled) {
        loop_stop(a->loop);
    }
}

static void asker_patience_ended(struct wheel_timer *timer, void *arg)
{
    struct asker *a = arg;
    (void)timer;
    loop_stop(a->loop);
}

static void asker_asks(struct message *self, void *owner)
{
    struct asker *a = (struct asker *)self;
    (void)owner;
    a->asked_ms = loop_now_ms(a->loop);
    a->check = credentials_serve(a->desk, &a->exchange, a->exchange.asked, a->delay_ms,
                                 asker_answered, a);
    assert_int_equal(a->answer_count, 0); /* never from inside the call */
    if (a->is_cancelled) {
        credentials_cancel(a->check);
        a->patience = (struct wheel_timer){.expired = asker_patience_ended, .arg = a};
        wheel_set(loop_wheel(a->loop), &a->patience, a->asked_ms + 100);
    }
}

static void asker_init(struct asker *a)
{
    static const struct certificate_identity names = {
        {{"alice@demo.example", 18}, {"bob@demo.example", 16}, {"nobody@demo.example", 19}}, 3};
    struct sasl_exchange_offer offer = {
        .domain = SPAN("demo.example"), .is_tls = true, .certificate = &names};
    *a = (struct asker){.message.deliver = asker_asks};
    assert_int_equal(loop_new("asker", 16, &a->loop), 0);
    a->desk = credentials_desk_new(credentials, a->loop);
    credentials_offer(a->desk, &offer);
    sasl_exchange_init(&a->exchange, &offer);
}

static void asker_done(struct asker *a)
{
    sasl_exchange_done(&a->exchange);
    loop_free(a->loop);
    credentials_desk_free(a->desk);
}

static void asker_begin(struct asker *a, const char *mechanism, struct span initial)
{
    struct strbuf text = {0};
    base64_encode(&text, initial);
    const enum sasl_exchange_action need =
        sasl_exchange_begin(&a->exchange, span_text(mechanism), strbuf_span(&text));
    strbuf_done(&text);
    assert_int_equal(a->exchange.state, SASL_EXCHANGE_AWAITS_ANSWER);
    assert_int_equal(need, a->exchange.asked);
    assert_int_equal(loop_post(a->loop, &a->message), 0);
    loop_run(a->loop);
}

struct question_case {
    const char *name;
    const char *mechanism;
    struct span initial;
    enum sasl_exchange_action want;
    enum sasl_condition condition;
    bool is_guess;
};

#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
#define DONE       SASL_EXCHANGE_SUCCESS, SASL_CONDITION_NONE, false
#define WRONG      SASL_EXCHANGE_FAILURE, SASL_CONDITION_NOT_AUTHORIZED, true
#define NOBODY     SASL_EXCHANGE_FAILURE, SASL_CONDITION_NOT_AUTHORIZED, false
#define DISABLED   SASL_EXCHANGE_FAILURE, SASL_CONDITION_ACCOUNT_DISABLED, false
#define CHALLENGED SASL_EXCHANGE_CHALLENGE, SASL_CONDITION_NONE, false
static const struct question_case question_cases[] = {
    {"PLAIN", "PLAIN", TEXT("\0alice\0secret"), DONE},
    {"PLAIN, wrong password", "PLAIN", TEXT("\0alice\0secreT"), WRONG},
    {"PLAIN, no such user", "PLAIN", TEXT("\0nobody\0secret"), WRONG},
    {"PLAIN, disabled", "PLAIN", TEXT("\0bob\0secret"), DISABLED},
    {"PLAIN, disabled and wrong", "PLAIN", TEXT("\0bob\0secreT"), WRONG},
    {"PLAIN, only SHA-1 stored", "PLAIN", TEXT("\0old\0secret"), DONE},
    {"PLAIN, only SHA-1 stored, wrong", "PLAIN", TEXT("\0old\0secreT"), WRONG},
    {"SCRAM", "SCRAM-SHA-256", TEXT("n,,n=alice,r=x"), CHALLENGED},
    {"SCRAM, no such user", "SCRAM-SHA-256", TEXT("n,,n=nobody,r=x"), CHALLENGED},
    {"SCRAM, disabled", "SCRAM-SHA-256", TEXT("n,,n=bob,r=x"), CHALLENGED},
    {"SCRAM, kind not stored", "SCRAM-SHA-512", TEXT("n,,n=old,r=x"), CHALLENGED},
    {"EXTERNAL", "EXTERNAL", TEXT("alice@demo.example"), DONE},
    {"EXTERNAL, no such user", "EXTERNAL", TEXT("nobody@demo.example"), NOBODY},
    {"EXTERNAL, disabled", "EXTERNAL", TEXT("bob@demo.example"), DISABLED},
};

static void question_case_holds(void **state)
{
    const struct question_case *t = *state;
    struct asker a;
    asker_init(&a);
    asker_begin(&a, t->mechanism, t->initial);
    assert_int_equal(a.answer_count, 1);
    assert_int_equal(a.next, t->want);
    assert_int_equal(a.exchange.condition, t->condition);
    assert_int_equal(a.exchange.is_guess, t->is_guess);
    asker_done(&a);
}

/* ---- SCRAM to its end, and salts ------------------------------------------------------ */
static enum sasl_exchange_action scram_with(const char *user, const char *password,
                                            struct strbuf *ret_salt, uint64_t *ret_iterations)
{
    struct asker a;
    struct strbuf first = {0}, challenge = {0}, final = {0}, text = {0};
    asker_init(&a);
    strbuf_printf(&first, "n,,n=%s,r=x", user);
    asker_begin(&a, "SCRAM-SHA-256", strbuf_span(&first));
    assert_int_equal(base64_decode(&challenge, strbuf_span(&a.exchange.output)), 0);
    strbuf_clear(ret_salt);
    strbuf_add(ret_salt, scram_client_attribute(strbuf_span(&challenge), 's'));
    const struct span digits = scram_client_attribute(strbuf_span(&challenge), 'i');
    *ret_iterations = 0;
    for (size_t i = 0; i < digits.size; i++)
        *ret_iterations = *ret_iterations * 10 + (uint64_t)(digits.ptr[i] - '0');
    scram_client_final(SCRAM_VERIFIER_SHA_256, span_text(password), SPAN("n,,"), SPAN(""),
                       span_from(strbuf_span(&first), 3), strbuf_span(&challenge), &final);
    base64_encode(&text, strbuf_span(&final));
    const enum sasl_exchange_action action =
        sasl_exchange_respond(&a.exchange, strbuf_span(&text));
    asker_done(&a);
    strbuf_done(&first);
    strbuf_done(&challenge);
    strbuf_done(&final);
    strbuf_done(&text);
    return action;
}

static void scram_ends_as_it_must(void **state)
{
    (void)state;
    struct strbuf salt = {0}, again = {0};
    uint64_t iterations = 0;
    assert_int_equal(scram_with("alice", "secret", &salt, &iterations), SASL_EXCHANGE_SUCCESS);
    assert_int_equal(iterations, 4096);
    assert_int_equal(scram_with("alice", "wrong", &salt, &iterations), SASL_EXCHANGE_FAILURE);
    assert_int_equal(scram_with("bob", "secret", &salt, &iterations), SASL_EXCHANGE_FAILURE);

    put_setting("auth.iterations", "5000");
    assert_int_equal(scram_with("nobody", "x", &salt, &iterations), SASL_EXCHANGE_FAILURE);
    assert_int_equal(iterations, 5000);
    assert_int_equal(salt.size, base64_size(SCRAM_VERIFIER_SALT_SIZE));
    /* The same after a restart of the process, as far as we can see. */
    struct credentials *other = credentials;
    assert_int_equal(credentials_new(replica, pool, &credentials), 0);
    (void)scram_with("nobody", "y", &again, &iterations);
    assert_true(span_equal(strbuf_span(&salt), strbuf_span(&again)));
    (void)scram_with("nobodz", "y", &again, &iterations);
    assert_false(span_equal(strbuf_span(&salt), strbuf_span(&again)));
    credentials_free(credentials);
    credentials = other;
    strbuf_done(&salt);
    strbuf_done(&again);
}

static void setting_takes_plain_away(void **state)
{
    (void)state;
    struct asker a;
    put_setting("auth.plain", "false");
    asker_init(&a);
    assert_false(a.exchange.offer.has_plain);
    assert_int_equal(a.exchange.offer.kinds, SCRAM_VERIFIER_ALL);
    asker_done(&a);
    put_setting("auth.plain", "true");
    asker_init(&a);
    assert_true(a.exchange.offer.has_plain);
    asker_done(&a);
}

static void delays_are_kept(void **state)
{
    (void)state;
    struct asker a;
    asker_init(&a);
    a.delay_ms = 50;
    asker_begin(&a, "PLAIN", SPAN("\0alice\0secret"));
    assert_int_equal(a.next, SASL_EXCHANGE_SUCCESS);
    assert_true(a.answered_ms >= a.asked_ms + 50);
    asker_done(&a);
}

static void cancelled_checks_answer_nobody(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"PLAIN", "EXTERNAL"};
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
        for (uint64_t delay_ms = 0; delay_ms <= 20; delay_ms += 20) {
            struct asker a;
            asker_init(&a);
            a.is_cancelled = true;
            a.delay_ms = delay_ms;
            asker_begin(&a, mechanisms[i],
                        i ? SPAN("alice@demo.example") : SPAN("\0alice\0secret"));
            assert_int_equal(a.answer_count, 0);
            asker_done(&a);
        }
    credentials_cancel(NULL);
}

static void a_right_password_is_remembered(void **state)
{
    (void)state;
    struct asker a;
    asker_init(&a);
    a.more[0] = "secret";
    a.more[1] = "wrong";
    asker_begin(&a, "PLAIN", SPAN("\0alice\0secret"));
    assert_int_equal(a.answer_count, 3);
    assert_int_equal(a.answers[0], SASL_EXCHANGE_SUCCESS);
    assert_int_equal(a.answers[1], SASL_EXCHANGE_SUCCESS);
    assert_int_equal(a.answers[2], SASL_EXCHANGE_FAILURE);
    asker_done(&a);
}

static void a_new_password_counts_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct asker a;
        put_user("carol@demo.example", round ? "second" : "first", SCRAM_VERIFIER_ALL, false,
                 round ? STORE__USER_PUT__MODE__REPLACE : STORE__USER_PUT__MODE__CREATE);
        asker_init(&a);
        asker_begin(&a, "PLAIN", SPAN("\0carol\0first"));
        assert_int_equal(a.next, round ? SASL_EXCHANGE_FAILURE : SASL_EXCHANGE_SUCCESS);
        asker_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(scram_ends_as_it_must),
        cmocka_unit_test(setting_takes_plain_away),
        cmocka_unit_test(delays_are_kept),
        cmocka_unit_test(cancelled_checks_answer_nobody),
        cmocka_unit_test(a_right_password_is_remembered),
        cmocka_unit_test(a_new_password_counts_at_once),
    };
    struct CMUnitTest tests[COUNT_OF(fixed) + COUNT_OF(question_cases)];

    memcpy(tests, fixed, sizeof(fixed));
    for (size_t i = 0; i < COUNT_OF(question_cases); i++)
        tests[COUNT_OF(fixed) + i] =
            (struct CMUnitTest){.name = question_cases[i].name,
                                .test_func = question_case_holds,
                                .initial_state = (void *)&question_cases[i]};
    return cmocka_run_group_tests(tests, store_opened, store_closed);
}
