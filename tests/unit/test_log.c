/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

struct line_case {
    const char *name;
    enum log_format format;
    const char *sentence;
    struct log_field fields[4];
    const char *wanted; /* behind the stamp */
};

#define FMT_START  "ts=2026-11-22T19:55:23.123Z level=warn node=\"n1\" "
#define JSON_START "{\"ts\":\"2026-11-22T19:55:23.123Z\",\"level\":\"warn\",\"node\":\"n1\","

/* A compound literal, which the macros of log.h are, is no constant initializer. */
#define END                                                                                    \
    {                                                                                          \
        .kind = LOG_KIND_END                                                                   \
    }
#define NUMBER(key_, kind_, unit_, number_)                                                    \
    {                                                                                          \
        .key = (key_), .kind = (kind_), .unit = (unit_), .number = (number_)                   \
    }

static const struct line_case lines[] = {
    {"plain",
     LOG_LOGFMT,
     "c2s: stream opened",
     {END},
     FMT_START "component=c2s msg=\"stream opened\"\n"},
    {"no module", LOG_LOGFMT, "stream opened", {END}, FMT_START "msg=\"stream opened\"\n"},
    {"plain in JSON",
     LOG_JSON,
     "c2s: stream opened",
     {END},
     JSON_START "\"component\":\"c2s\",\"msg\":\"stream opened\"}\n"},
    {"numbers",
     LOG_LOGFMT,
     "a: b",
     {NUMBER("i", LOG_KIND_INT, "", (uint64_t)-5), NUMBER("u", LOG_KIND_U64, "", UINT64_MAX),
      NUMBER("t", LOG_KIND_U64, "_ms", 7), END},
     FMT_START "component=a msg=\"b\" i=-5 u=18446744073709551615 t_ms=7\n"},
    {"numbers in JSON",
     LOG_JSON,
     "a: b",
     {NUMBER("i", LOG_KIND_INT, "", (uint64_t)-5), NUMBER("t", LOG_KIND_U64, "_ms", 7),
      NUMBER("is_on", LOG_KIND_BOOL, NULL, 1), END},
     JSON_START "\"component\":\"a\",\"msg\":\"b\",\"i\":-5,\"t_ms\":7,\"is_on\":true}\n"},
    {"nothing",
     LOG_LOGFMT,
     "a: b",
     {{.key = "x", .kind = LOG_KIND_TEXT}, END},
     FMT_START "component=a msg=\"b\" x=-\n"},
    {"nothing in JSON",
     LOG_JSON,
     "a: b",
     {{.key = "x", .kind = LOG_KIND_TEXT}, END},
     JSON_START "\"component\":\"a\",\"msg\":\"b\",\"x\":null}\n"},
    {"forged line",
     LOG_LOGFMT,
     "a: b",
     {{.key = "x", .kind = LOG_KIND_TEXT, .text = {"q\"\\\n\x1b[0m", 8}}, END},
     FMT_START "component=a msg=\"b\" x=\"q\\\"\\\\\\x0a\\x1b[0m\"\n"},
    {"forged line in JSON",
     LOG_JSON,
     "a: b",
     {{.key = "x", .kind = LOG_KIND_TEXT, .text = {"\"\n\0", 3}}, END},
     JSON_START "\"component\":\"a\",\"msg\":\"b\",\"x\":\"\\\"\\\\x0a\\\\x00\"}\n"},
    {"other scripts stay",
     LOG_LOGFMT,
     "a: b",
     {{.key = "x", .kind = LOG_KIND_TEXT, .text = {"한\xc3\xa9\xf0\x9f\x98\x80", 9}}, END},
     FMT_START "component=a msg=\"b\" x=\"한\xc3\xa9\xf0\x9f\x98\x80\"\n"},
    {"broken UTF-8",
     LOG_LOGFMT,
     "a: b",
     {{.key = "x", .kind = LOG_KIND_TEXT, .text = {"\xc3(\xed\xa0\x80\xc0\xaf\xff", 8}}, END},
     FMT_START "component=a msg=\"b\" x=\"\\xc3(\\xed\\xa0\\x80\\xc0\\xaf\\xff\"\n"},
    {"C1 control and line separator",
     LOG_LOGFMT,
     "a: b",
     {{.key = "x", .kind = LOG_KIND_TEXT, .text = {"\xc2\x9b\xe2\x80\xa8", 5}}, END},
     FMT_START "component=a msg=\"b\" x=\"\\xc2\\x9b\\xe2\\x80\\xa8\"\n"},
};

static void line_is(void **state)
{
    const struct line_case *c = *state;
    CLEANUP(strbuf_done) struct strbuf out = {0};
    log_write(&out, c->format, 1795377323123456, "n1", LOG_LEVEL_WARN, c->sentence, c->fields);
    assert_string_equal(out.data, c->wanted);
}

static void long_text_is_cut(void **state)
{
    (void)state;
    char text[LOG_TEXT_MAX + 1];
    memset(text, 'a', sizeof(text));
    for (size_t size = LOG_TEXT_MAX - 1; size <= LOG_TEXT_MAX + 1; size++) {
        CLEANUP(strbuf_done) struct strbuf out = {0};
        const struct log_field fields[] = {LOG_SPAN("x", span_of(text, size)), LOG_END};
        log_write(&out, LOG_LOGFMT, 0, NULL, LOG_LEVEL_INFO, "a: b", fields);
        assert_true((strstr(out.data, "...") != NULL) == (size > LOG_TEXT_MAX));
        assert_null(strstr(out.data, "node="));
    }
}

static void keep_line(struct span line, void *arg)
{
    strbuf_add(arg, line);
}

static void count_module(const char *module, enum log_level level, void *arg)
{
    (void)module;
    (void)level;
    ++*(int *)arg;
}

static void levels_of_modules(void **state)
{
    (void)state;
    CLEANUP(strbuf_done) struct strbuf out = {0};
    log_set_sink(keep_line, &out);
    log_set_node("n2");

    log_debug("c2s: quiet");
    assert_int_equal(out.size, 0);
    assert_int_equal(log_set_level("c2s", LOG_LEVEL_DEBUG), 0);
    log_debug("c2s: loud", LOG_STR("why", "asked"), LOG_RC(ERR_FULL));
    log_debug("s2s: quiet");
    assert_non_null(
        strstr(out.data, "component=c2s msg=\"loud\" why=\"asked\" error=\"ERR_FULL\""));
    assert_null(strstr(out.data, "quiet"));
    assert_non_null(strstr(out.data, "node=\"n2\""));

    strbuf_clear(&out);
    assert_int_equal(log_set_level(NULL, LOG_LEVEL_ERROR), 0);
    log_set_format(LOG_JSON);
    log_warn("s2s: quiet");
    log_warn("c2s: loud");
    assert_null(strstr(out.data, "quiet"));
    assert_int_equal(out.data[0], '{');
    assert_int_equal(log_module_level("c2s"), LOG_LEVEL_DEBUG);
    assert_int_equal(log_module_level("s2s"), LOG_LEVEL_ERROR);
    assert_int_equal(log_module_level(NULL), LOG_LEVEL_ERROR);
    int count = 0;
    log_walk_levels(count_module, &count);
    assert_int_equal(count, 1);
    log_clear_levels();
    assert_int_equal(log_module_level("c2s"), LOG_LEVEL_ERROR);

    assert_int_equal(log_set_level(NULL, LOG_LEVEL_INFO), 0);
    log_set_format(LOG_LOGFMT);
    log_set_node(NULL);
    log_set_sink(NULL, NULL);
    log_info("test: to the error stream");
}

static void module_names_are_limited(void **state)
{
    (void)state;
    char name[LOG_MODULE_MAX + 2];
    memset(name, 'm', sizeof(name));
    name[LOG_MODULE_MAX + 1] = '\0';
    assert_int_equal(log_set_level(name, LOG_LEVEL_INFO), ERR_INVALID);
    name[LOG_MODULE_MAX] = '\0';
    assert_int_equal(log_set_level(name, LOG_LEVEL_INFO), 0);
    assert_int_equal(log_set_level("", LOG_LEVEL_INFO), ERR_INVALID);
    assert_int_equal(log_set_level("A b", LOG_LEVEL_INFO), ERR_INVALID);
    for (int i = 1; i < LOG_MODULES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "m%d", i);
        assert_int_equal(log_set_level(name, LOG_LEVEL_INFO), 0);
    }
    assert_int_equal(log_set_level("onemore", LOG_LEVEL_INFO), ERR_FULL);
    log_clear_levels();
}

static void level_names_go_both_ways(void **state)
{
    (void)state;
    for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++) {
        enum log_level level = LOG_LEVEL_DEBUG;
        assert_int_equal(log_level_parse(span_text(log_level_name((enum log_level)i)), &level),
                         0);
        assert_int_equal((int)level, i);
    }
    enum log_level level = LOG_LEVEL_WARN;
    assert_int_equal(log_level_parse(SPAN("loud"), &level), ERR_INVALID);
    assert_int_equal(level, LOG_LEVEL_WARN);
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(lines)];
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        rows[i] = (struct CMUnitTest){
            .name = lines[i].name, .test_func = line_is, .initial_state = (void *)&lines[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(levels_of_modules),
        cmocka_unit_test(module_names_are_limited),
        cmocka_unit_test(level_names_go_both_ways),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
