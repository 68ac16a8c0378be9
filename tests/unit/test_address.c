/* SPDX-License-Identifier: Apache-2.0 */
/* address.h: what each part becomes, what is refused, and that preparing twice changes
 * nothing. */
#include "tests/support/unit.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "proto/auth/address.h"

struct address_case {
    const char *name;
    struct span in;
    int want;
    const char *want_local; /* NULL: absent */
    const char *want_domain;
    const char *want_resource;
};

/* SPAN() as a constant initializer. */
#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
#define OK(l, d, r) 0, (l), (d), (r)
#define BAD         ERR_INVALID, NULL, NULL, NULL
static const struct address_case address_cases[] = {
    {"full", TEXT("alice@demo.example/desk"), OK("alice", "demo.example", "desk")},
    {"bare", TEXT("alice@demo.example"), OK("alice", "demo.example", NULL)},
    {"domain", TEXT("demo.example"), OK(NULL, "demo.example", NULL)},
    {"domain and resource", TEXT("demo.example/x"), OK(NULL, "demo.example", "x")},
    {"one label", TEXT("a@localhost"), OK("a", "localhost", NULL)},
    {"upper case", TEXT("ALICE@Demo.Example/Desk"), OK("alice", "demo.example", "Desk")},
    {"root dot", TEXT("a@demo.example."), OK("a", "demo.example", NULL)},
    {"IPv4", TEXT("a@127.0.0.1"), OK("a", "127.0.0.1", NULL)},
    {"IPv6", TEXT("a@[2001:DB8::1]/r"), OK("a", "[2001:db8::1]", "r")},
    {"IPv6 long form", TEXT("[0:0:0:0:0:0:0:1]"), OK(NULL, "[::1]", NULL)},
    {"resource has @ and /", TEXT("a@b/c@d/e"), OK("a", "b", "c@d/e")},
    {"resource has @, no local", TEXT("b/c@d"), OK(NULL, "b", "c@d")},
    {"resource has spaces", TEXT("a@b/ my phone "), OK("a", "b", " my phone ")},
    {"eszett", TEXT("stra\303\237e@b"), OK("strasse", "b", NULL)},
    {"circled letter", TEXT("\342\223\201ee@b"), OK("lee", "b", NULL)},
    {"umlaut", TEXT("\303\204@b/\303\204"), OK("\303\244", "b", "\303\204")},
    {"combining marks compose", TEXT("a\314\210@b"), OK("\303\244", "b", NULL)},
    {"soft hyphen goes", TEXT("a\302\255b@c"), OK("ab", "c", NULL)},
    {"emoji resource", TEXT("a@b/\360\237\230\200"), OK("a", "b", "\360\237\230\200")},
    {"Unicode domain", TEXT("a@B\303\234cher.de"), OK("a", "b\303\274cher.de", NULL)},
    {"A-label", TEXT("a@xn--bcher-kva.de"), OK("a", "b\303\274cher.de", NULL)},
    {"upper A-label", TEXT("a@XN--BCHER-KVA.de"), OK("a", "b\303\274cher.de", NULL)},
    {"ideographic full stop", TEXT("a@demo\343\200\202de"), OK("a", "demo.de", NULL)},
    {"Unicode root dot", TEXT("a@b\303\274.de."), OK("a", "b\303\274.de", NULL)},
    {"right to left", TEXT("\327\220\327\221@b"), OK("\327\220\327\221", "b", NULL)},

    {"empty", TEXT(""), BAD},
    {"empty local", TEXT("@b"), BAD},
    {"empty domain", TEXT("a@"), BAD},
    {"empty domain with resource", TEXT("a@/r"), BAD},
    {"nothing but resource", TEXT("/r"), BAD},
    {"empty resource", TEXT("a@b/"), BAD},
    {"two @", TEXT("a@b@c"), BAD},
    {"NUL in local", TEXT("a\0x@b"), BAD},
    {"NUL in domain", TEXT("a@b\0c"), BAD},
    {"NUL in resource", TEXT("a@b/\0"), BAD},
    {"NUL after Unicode", TEXT("\303\244\0x@b"), BAD},
    {"NUL in IPv6", TEXT("[::1\0]"), BAD},
    {"space in local", TEXT("a b@c"), BAD},
    {"quote in local", TEXT("a'b@c"), BAD},
    {"angle in local", TEXT("a<b@c"), BAD},
    {"control in resource", TEXT("a@b/\001"), BAD},
    {"DEL in resource", TEXT("a@b/\177"), BAD},
    {"empty after preparation", TEXT("\302\255@b"), BAD},
    {"resource empty after preparation", TEXT("a@b/\302\255"), BAD},
    {"domain empty after preparation", TEXT("a@\302\255"), BAD},
    {"fullwidth @ in local", TEXT("a\357\274\240z@b"), BAD},
    {"fullwidth @ in domain", TEXT("a@b\357\274\240z"), BAD},
    {"fullwidth / in domain", TEXT("a@b\357\274\217z"), BAD},
    {"underscore in domain", TEXT("a@b_c"), BAD},
    {"hyphen first", TEXT("a@-b"), BAD},
    {"hyphen last", TEXT("a@b-"), BAD},
    {"empty label", TEXT("a@b..c"), BAD},
    {"only a dot", TEXT("a@."), BAD},
    {"broken A-label", TEXT("a@xn--\200"), BAD},
    {"IPv6 not closed", TEXT("[::1"), BAD},
    {"IPv6 empty", TEXT("[]"), BAD},
    {"IPv6 zone", TEXT("[fe80::1%eth0]"), BAD},
    {"UTF-8 cut short", TEXT("a\303@b"), BAD},
    {"UTF-8 overlong", TEXT("a\300\257@b"), BAD},
    {"UTF-8 overlong in three", TEXT("a@b/\340\200\257"), BAD},
    {"UTF-8 surrogate", TEXT("a@b/\355\240\200"), BAD},
    {"UTF-8 too high", TEXT("a@b/\364\220\200\200"), BAD},
    {"UTF-8 lone continuation", TEXT("a@b/\200"), BAD},
    {"bidirectional mix", TEXT("\327\220z@b"), BAD},
};

static void assert_part(struct span got, const char *want)
{
    assert_int_equal(span_is_none(got), want == NULL);
    if (want)
        assert_true(span_is(got, want));
}

static void address_case_holds(void **state)
{
    const struct address_case *t = *state;
    struct address_text storage;
    struct address a = {SPAN_NONE, SPAN("untouched"), SPAN_NONE};

    assert_int_equal(address_parse(t->in, &storage, &a), t->want);
    if (t->want < 0) {
        assert_true(span_is(a.domain, "untouched"));
        return;
    }
    assert_part(a.local, t->want_local);
    assert_part(a.domain, t->want_domain);
    assert_part(a.resource, t->want_resource);
    assert_int_equal(address_is_bare(&a), t->want_resource == NULL);

    struct address_text storage2;
    struct address again;
    assert_int_equal(address_parse(address_full(&a), &storage2, &again), 0);
    assert_true(span_equal(address_full(&again), address_full(&a)));
    assert_true(span_equal(address_bare_of(address_full(&a)), address_bare(&a)));
    assert_true(span_equal(address_domain_of(address_full(&a)), a.domain));

    struct arena arena = {0};
    struct address kept;
    assert_int_equal(address_parse_in(t->in, &arena, &kept), 0);
    assert_part(kept.local, t->want_local);
    assert_part(kept.resource, t->want_resource);
    struct strbuf text = {0};
    address_format(&text, &kept);
    assert_true(span_equal(strbuf_span(&text), address_full(&a)));
    strbuf_done(&text);
    arena_done(&arena);
}

/* n times a text as one part. */
static int prepared_part(int (*part)(struct span, struct address_part *, struct span *),
                         const char *piece, size_t count, size_t *ret_size)
{
    struct strbuf text = {0};
    for (size_t i = 0; i < count; i++)
        strbuf_add_text(&text, piece);
    struct address_part storage;
    struct span got = SPAN_NONE;
    const int rc = part(strbuf_span(&text), &storage, &got);
    *ret_size = got.size;
    strbuf_done(&text);
    return rc;
}

static void lengths_are_those_after_preparation(void **state)
{
    (void)state;
    size_t size = 0;
    assert_int_equal(prepared_part(address_local, "a", 1022, &size), 0);
    assert_int_equal(prepared_part(address_local, "a", 1023, &size), 0);
    assert_int_equal(size, 1023);
    assert_int_equal(prepared_part(address_local, "a", 1024, &size), ERR_TOO_BIG);
    assert_int_equal(prepared_part(address_resource, "a", 1023, &size), 0);
    assert_int_equal(prepared_part(address_resource, "a", 1024, &size), ERR_TOO_BIG);
    assert_int_equal(prepared_part(address_resource, "\303\244", 511, &size), 0);
    assert_int_equal(prepared_part(address_resource, "\303\244", 512, &size), ERR_TOO_BIG);
    assert_int_equal(prepared_part(address_domain, "a.", 511, &size), 0);
    assert_int_equal(prepared_part(address_domain, "a.", 512, &size), 0);
    assert_int_equal(size, 1023);
    assert_int_equal(prepared_part(address_domain, "a.", 513, &size), ERR_TOO_BIG);
    assert_int_equal(prepared_part(address_domain, "a", 63, &size), 0);
    assert_int_equal(prepared_part(address_domain, "a", 64, &size), ERR_INVALID);
    /* U+FDFA grows from 3 bytes to 33 under NFKC. */
    assert_int_equal(prepared_part(address_resource, "\357\267\272", 31, &size), 0);
    assert_int_equal(size, 1023);
    assert_int_equal(prepared_part(address_resource, "\357\267\272", 32, &size), ERR_TOO_BIG);
    assert_int_equal(prepared_part(address_resource, "\357\267\272", 341, &size), ERR_TOO_BIG);
    /* Soft hyphens vanish, yet what we prepare at all is bounded. */
    assert_int_equal(prepared_part(address_local, "a\302\255", 1023, &size), 0);
    assert_int_equal(size, 1023);
    assert_int_equal(prepared_part(address_local, "a\302\255", 1024, &size), ERR_TOO_BIG);
}

static void join_makes_one_text(void **state)
{
    (void)state;
    struct address_text storage;
    struct address a;
    address_join(SPAN("a"), SPAN("b"), SPAN("c"), &storage, &a);
    assert_true(span_is(address_full(&a), "a@b/c"));
    assert_true(span_is(address_bare(&a), "a@b"));
    assert_string_equal(storage.bytes, "a@b/c");
    address_join(SPAN_NONE, SPAN("b"), SPAN_NONE, &storage, &a);
    assert_true(span_is(address_full(&a), "b"));
    assert_true(address_is_bare(&a) && span_is_none(a.local));
}

static void new_accounts_need_assigned_letters(void **state)
{
    (void)state;
    assert_true(address_is_assigned(SPAN("alice")));
    assert_true(address_is_assigned(SPAN("\303\244")));
    assert_false(address_is_assigned(SPAN("\360\237\230\200")));
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(address_cases) + 3] = {
        cmocka_unit_test(lengths_are_those_after_preparation),
        cmocka_unit_test(join_makes_one_text),
        cmocka_unit_test(new_accounts_need_assigned_letters)};

    for (size_t i = 0; i < COUNT_OF(address_cases); i++)
        tests[i + 3] = (struct CMUnitTest){.name = address_cases[i].name,
                                           .test_func = address_case_holds,
                                           .initial_state = (void *)&address_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
