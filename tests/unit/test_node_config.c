/* SPDX-License-Identifier: Apache-2.0 */
/* node.yaml: defaults, and every fault at its place, all at once. */
#include "tests/support/unit.h"

#include "admin/node_config.h"
#include "base/err.h"

#define BASE "name: n1\naddresses: [127.0.0.1]\ntls: {cert: c, key: k}\n"

struct config_case {
    const char *name, *in;
    const char *want[3]; /* each stands in the faults; none: the file is right */
};

static const struct config_case cases[] = {
    {"the least", BASE, {NULL}},
    {"a word that YAML 1.1 takes for false",
     "name: no\naddresses: ['::1']\ntls: {cert: c, key: k}\n",
     {NULL}},
    {"all faults at once",
     BASE "listeners:\n  xmpp:\n    port: 70000\n    prot: 1\nrol: full\n",
     {"f:6:11: listeners.xmpp.port: ", "f:7:5: unknown key \"prot\", did you mean \"port\"?",
      "f:8:1: unknown key \"rol\", did you mean \"role\"?"}},
    {"caret and default",
     BASE "listeners:\n  xmpp:\n    port: 70000\n",
     {"        port: 70000\n              ^~~~~   default is 5222\n"}},
    {"empty file", "", {"the key \"name\" is missing", "the key \"tls.cert\" is missing"}},
    {"only a comment", "# x\n", {"the key \"name\" is missing"}},
    {"a word", "hello\n", {"f:1:1: the file must hold keys and values"}},
    {"a list", "- a\n", {"f:1:1: the file must hold keys and values"}},
    {"second document", BASE "---\nname: n2\n", {"f:4:1: a second document"}},
    {"key twice", BASE "name: n2\n", {"f:4:1: key \"name\" stands twice"}},
    {"section twice",
     BASE "log: {level: info}\nlog: {level: warn}\n",
     {"f:5:1: key \"log\" stands twice"}},
    {"octal", BASE "listeners: {xmpp: {port: 010}}\n", {"begins with a zero"}},
    {"hexadecimal",
     BASE "listeners: {xmpp: {port: 0x10}}\n",
     {"f:4:26: listeners.xmpp.port: "}},
    {"port 65535", BASE "listeners: {xmpp: {port: 65535}}\n", {NULL}},
    {"port 65536", BASE "listeners: {xmpp: {port: 65536}}\n", {"listeners.xmpp.port: "}},
    {"port as a word", BASE "listeners: {xmpp: {port: no}}\n", {"listeners.xmpp.port: "}},
    {"port missing", BASE "listeners: {xmpp: {port: }}\n", {"a value is missing"}},
    {"alias", BASE "domain: &d demo.example\nlog: *d\n", {"f:5:6: aliases are not allowed"}},
    {"tag", BASE "domain: !!str demo.example\n", {"tags are not allowed"}},
    {"tab", BASE "log:\n\tlevel: info\n", {"f:5:"}},
    {"bad name",
     "name: N_1\naddresses: [127.0.0.1]\ntls: {cert: c, key: k}\n",
     {"f:1:7: name: \"N_1\" is no node name"}},
    {"bad address", BASE "listeners: {xmpp: {address: localhost}}\n", {"is not an IP address"}},
    {"bad address in the list",
     "name: n1\naddresses: [host]\ntls: {cert: c, key: k}\n",
     {"f:2:13: addresses: \"host\" is not an IP address"}},
    {"list without items",
     "name: n1\naddresses: []\ntls: {cert: c, key: k}\n",
     {"addresses: at least one is needed"}},
    {"list as a word",
     "name: n1\naddresses: 127.0.0.1\ntls: {cert: c, key: k}\n",
     {"addresses: a list is needed"}},
    {"bad domain", BASE "domain: a..b\n", {"is not a domain"}},
    {"mapping for a value", BASE "domain: {a: b}\n", {"domain: one value is needed"}},
    {"value for a mapping", BASE "log: info\n", {"log: keys and values are needed"}},
    {"bad choice", BASE "role: ful\n", {"f:4:7: role: "}},
    {"anchor bomb", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", {"unknown key \"a\""}},
    {"control bytes are not printed raw", BASE "x: \"\\e[31m\"\n", {"unknown key \"x\""}},
    {"broken", "name: [\n", {"f:"}},
};

static void config_case_holds(void **state)
{
    const struct config_case *t = *state;
    struct node_config *config = NULL;
    struct strbuf faults = {0};
    const int rc = node_config_parse("f", span_text(t->in), &config, &faults);
    if (!t->want[0]) {
        assert_string_equal(strbuf_span(&faults).ptr, "");
        assert_int_equal(rc, 0);
    } else {
        assert_int_equal(rc, ERR_INVALID);
        assert_null(config);
        for (size_t i = 0; i < COUNT_OF(t->want) && t->want[i]; i++)
            if (!strstr(faults.data, t->want[i]))
                fail_msg("\"%s\" is not in:\n%s", t->want[i], faults.data);
    }
    node_config_free(config);
    strbuf_done(&faults);
}

static void defaults_hang_on_the_name(void **state)
{
    (void)state;
    struct node_config *c = NULL;
    struct strbuf faults = {0};
    assert_int_equal(node_config_parse("f", SPAN(BASE), &c, &faults), 0);
    assert_string_equal(c->data_dir, "/var/lib/presenced/n1");
    node_config_socket(c, &faults);
    assert_string_equal(faults.data, "/run/presenced/n1/admin.sock");
    assert_int_equal(c->listeners.xmpp.port, 5222);
    assert_int_equal(c->listeners.xmpps.port, 5223);
    assert_int_equal(c->listeners.admin.port, 9443);
    assert_true(c->listeners.admin.is_enabled);
    assert_string_equal(c->domain, "");
    node_config_free(c);
    strbuf_done(&faults);
}

static void administration_stays_on_this_machine(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"name: n1\naddresses: [192.0.2.1]\ntls: {cert: c, key: k}\n", "127.0.0.1"},
        {"name: n1\naddresses: [127.0.1.1]\ntls: {cert: c, key: k}\n", "127.0.1.1"},
        {"name: n1\naddresses: [192.0.2.1]\ntls: {cert: c, key: k}\n"
         "listeners: {admin: {address: 192.0.2.1}}\n",
         "192.0.2.1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct node_config *c = NULL;
        struct strbuf faults = {0};
        assert_int_equal(node_config_parse("f", span_text(rows[i].in), &c, &faults), 0);
        assert_string_equal(c->listeners.admin.address, rows[i].want);
        node_config_free(c);
        strbuf_done(&faults);
    }
}

static void what_is_printed_reads_back(void **state)
{
    (void)state;
    struct node_config *c = NULL, *again = NULL;
    struct strbuf faults = {0}, first = {0}, second = {0};
    assert_int_equal(node_config_parse("f",
                                       SPAN(BASE "domain: demo.example\n"
                                                 "data_dir: \"/a \\\"b\\\\\"\n"
                                                 "listeners: {xmpps: {enabled: false}}\n"),
                                       &c, &faults),
                     0);
    node_config_print(c, &first);
    assert_int_equal(node_config_parse("f", strbuf_span(&first), &again, &faults), 0);
    node_config_print(again, &second);
    assert_string_equal(first.data, second.data);
    assert_string_equal(again->data_dir, "/a \"b\\");
    assert_false(again->listeners.xmpps.is_enabled);
    node_config_free(c);
    node_config_free(again);
    strbuf_done(&faults);
    strbuf_done(&first);
    strbuf_done(&second);
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    struct node_config *c = NULL;
    struct strbuf faults = {0};
    assert_true(node_config_read("/nonexistent/node.yaml", &c, &faults) < 0);
    assert_non_null(strstr(faults.data, "/nonexistent/node.yaml: "));
    strbuf_done(&faults);
}

static void the_manual_names_every_key(void **state)
{
    (void)state;
    struct strbuf out = {0};
    node_config_manual(&out);
    assert_non_null(strstr(out.data, "*listeners.xmpp.port*"));
    assert_non_null(strstr(out.data, "Default: 5222."));
    strbuf_done(&out);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 5];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = config_case_holds,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    const struct CMUnitTest more[] = {
        cmocka_unit_test(defaults_hang_on_the_name),
        cmocka_unit_test(administration_stays_on_this_machine),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(the_manual_names_every_key),
    };
    memcpy(tests + COUNT_OF(cases), more, sizeof(more));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
