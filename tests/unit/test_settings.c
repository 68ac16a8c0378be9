/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/settings.h"

struct sample {
    uint32_t rate;
    bool is_on;
    uint64_t window_ms;
    uint64_t body_size;
    char greeting[8];
    uint32_t mode;
};

static const char *const modes[] = {"balanced", "active-standby", "none", NULL};

static const struct settings_key keys[] = {
    SETTINGS_U32(struct sample, rate, "xmpp.rate", "10", "1", "100", "Stanzas a second."),
    SETTINGS_BOOL(struct sample, is_on, "xmpp.enabled", "true", "Whether XMPP is served."),
    SETTINGS_DURATION(struct sample, window_ms, "xmpp.resume_window", "300s", "0s", "1d",
                      "How long a lost stream can be resumed."),
    SETTINGS_SIZE(struct sample, body_size, "xmpp.stanza_size", "256KiB", "10000", "1MiB",
                  "Largest stanza."),
    SETTINGS_TEXT(struct sample, greeting, "im.greeting", "hi", "What is said first."),
    SETTINGS_CHOICE(struct sample, mode, "ha.mode", "balanced", modes, "Who serves whom."),
    SETTINGS_U32(struct sample, rate, "xmpp.rate_wide", "0", NULL, NULL, "No bounds."),
};
static const struct settings_table table = {keys, COUNT_OF(keys)};

struct set_case {
    const char *name, *key, *text;
    int rc;
    const char *wanted; /* the value as text, or a part of why */
};

static const struct set_case cases[] = {
    {"number", "xmpp.rate", "42", 0, "42"},
    {"number at min", "xmpp.rate", "1", 0, "1"},
    {"number below min", "xmpp.rate", "0", ERR_INVALID, "xmpp.rate: 0 is less than 1"},
    {"number at max", "xmpp.rate", "100", 0, "100"},
    {"number above max", "xmpp.rate", "101", ERR_INVALID, "101 is more than 100"},
    {"number beyond 32 bits", "xmpp.rate_wide", "4294967296", ERR_INVALID, "more than can be"},
    {"number of 32 bits", "xmpp.rate_wide", "4294967295", 0, "4294967295"},
    {"no number", "xmpp.rate", "many", ERR_INVALID, "\"many\" is not a whole number"},
    {"negative", "xmpp.rate", "-1", ERR_INVALID, "not a whole number"},
    {"empty", "xmpp.rate", "", ERR_INVALID, "not a whole number"},
    {"too many digits", "xmpp.rate", "0000000000000001", ERR_INVALID, "not a whole number"},
    {"trailing space", "xmpp.rate", "1 ", ERR_INVALID, "not a whole number"},
    {"false", "xmpp.enabled", "false", 0, "false"},
    {"yes", "xmpp.enabled", "yes", 0, "true"},
    {"off", "xmpp.enabled", "off", 0, "false"},
    {"ture", "xmpp.enabled", "ture", ERR_INVALID, "did you mean true?"},
    {"duration in ms", "xmpp.resume_window", "1500ms", 0, "1500ms"},
    {"duration in seconds", "xmpp.resume_window", "90s", 0, "90s"},
    {"duration reduced", "xmpp.resume_window", "120s", 0, "2m"},
    {"a day", "xmpp.resume_window", "1d", 0, "1d"},
    {"more than a day", "xmpp.resume_window", "25h", ERR_INVALID, "25h is more than 1d"},
    {"zero without unit", "xmpp.resume_window", "0", 0, "0ms"},
    {"no unit", "xmpp.resume_window", "300", ERR_INVALID, "no unit; write a duration"},
    {"no unit, meant", "xmpp.resume_window", "300", ERR_INVALID, "did you mean 300s?"},
    {"unknown unit", "xmpp.resume_window", "3y", ERR_INVALID, "unknown unit"},
    {"overflow", "xmpp.resume_window", "999999999999999d", ERR_INVALID, "is more than 1d"},
    {"size", "xmpp.stanza_size", "64KiB", 0, "64KiB"},
    {"size in bytes", "xmpp.stanza_size", "10000", 0, "10000"},
    {"size below", "xmpp.stanza_size", "9999", ERR_INVALID, "less than 10000"},
    {"size at max", "xmpp.stanza_size", "1024KiB", 0, "1MiB"},
    {"size above", "xmpp.stanza_size", "1048577", ERR_INVALID, "more than 1MiB"},
    {"size with a bad unit", "xmpp.stanza_size", "64KB", ERR_INVALID, "64KiB"},
    {"text", "im.greeting", "hello", 0, "hello"},
    {"empty text", "im.greeting", "", 0, ""},
    {"text that just fits", "im.greeting", "1234567", 0, "1234567"},
    {"text too long", "im.greeting", "12345678", ERR_INVALID, "longer than 7 bytes"},
    {"control character", "im.greeting", "a\nb", ERR_INVALID, "control characters"},
    {"not UTF-8", "im.greeting", "\xff", ERR_INVALID, "UTF-8"},
    {"other script", "im.greeting", "한국", 0, "한국"},
    {"choice", "ha.mode", "none", 0, "none"},
    {"choice misspelt", "ha.mode", "balansed", ERR_INVALID, "did you mean balanced?"},
    {"choice unknown", "ha.mode", "x", ERR_INVALID,
     "\"x\" is not one of balanced, active-standby, none"},
    {"unknown key", "xmpp.colour", "1", ERR_NOT_FOUND, "there is no setting \"xmpp.colour\""},
    {"misspelt key", "xmpp.resume_windwo", "1s", ERR_NOT_FOUND,
     "did you mean xmpp.resume_window?"},
    {"key without its room", "resume_window", "1s", ERR_NOT_FOUND,
     "did you mean xmpp.resume_window?"},
    {"long key", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "1", ERR_NOT_FOUND, "there is no setting"},
};

static void set_answers(void **state)
{
    const struct set_case *c = *state;
    struct sample values;
    struct sample before;
    CLEANUP(strbuf_done) struct strbuf text = {0};
    memset(&values, 0, sizeof(values));
    settings_reset(&table, &values);
    memcpy(&before, &values, sizeof(values));

    assert_int_equal(settings_check(&table, span_text(c->key), span_text(c->text), &text),
                     c->rc);
    strbuf_clear(&text);
    assert_int_equal(
        settings_set(&table, &values, span_text(c->key), span_text(c->text), &text), c->rc);
    if (c->rc == 0) {
        settings_get_text(settings_find(&table, span_text(c->key)), &values, &text);
        assert_true(span_is(strbuf_span(&text), c->wanted));
        assert_int_equal(settings_unset(&table, &values, span_text(c->key)), 0);
    } else {
        assert_non_null(strstr(text.data, c->wanted));
        assert_memory_equal(&values, &before, sizeof(values));
    }
}

static void defaults_are_in_force(void **state)
{
    (void)state;
    struct sample values;
    settings_reset(&table, &values);
    assert_true(values.is_on);
    assert_int_equal(values.window_ms, 300000);
    assert_int_equal(values.body_size, 262144);
    assert_string_equal(values.greeting, "hi");
    assert_int_equal(values.mode, 0);
    assert_int_equal(settings_unset(&table, &values, SPAN("none.such")), ERR_NOT_FOUND);
    assert_null(settings_find(&table, SPAN("xmpp")));
    assert_string_equal(settings_type_name(SETTINGS_TYPE_DURATION), "duration");
}

static void count_key(const struct settings_key *key, void *arg)
{
    assert_ptr_equal(key, &keys[*(size_t *)arg]);
    ++*(size_t *)arg;
}

static void walk_sees_all_in_order(void **state)
{
    (void)state;
    size_t count = 0;
    settings_walk(&table, count_key, &count);
    assert_int_equal(count, COUNT_OF(keys));
}

struct near_case {
    const char *name, *word, *wanted;
};

static const struct near_case nears[] = {
    {"same", "status", "status"},     {"one letter more", "statuss", "status"},
    {"swapped", "satrt", "start"},    {"one letter less", "stat", "start"},
    {"another word", "banana", NULL}, {"empty", "", NULL},
};

static void nearest_is(void **state)
{
    const struct near_case *c = *state;
    static const char *const words[] = {"start", "stop", "status", NULL};
    const char *nearest = settings_nearest(span_text(c->word), words);
    if (c->wanted)
        assert_string_equal(nearest, c->wanted);
    else
        assert_null(nearest);
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(cases) + COUNT_OF(nears)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = set_answers,
                                      .initial_state = (void *)&cases[i]};
    for (size_t i = 0; i < COUNT_OF(nears); i++)
        rows[COUNT_OF(cases) + i] = (struct CMUnitTest){
            .name = nears[i].name, .test_func = nearest_is, .initial_state = (void *)&nears[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(defaults_are_in_force),
        cmocka_unit_test(walk_sees_all_in_order),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
