/* SPDX-License-Identifier: Apache-2.0 */
/* xmpp_stream: whole negotiations as scripts. A line is what the peer sends, or, after '!',
 * what the owner answers; then the action and all that is written. */
#include "tests/support/unit.h"

#include <stdio.h>

#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"
#include "proto/xmpp/xmpp_stream.h"

enum { LINES_MAX = 14 };

struct line {
    const char *in;
    enum xmpp_stream_action want;
    const char *want_out; /* a trailing '*' stands for anything */
};

struct script {
    const char *name;
    struct line lines[LINES_MAX];
    bool is_direct;
};

#define OPEN_TO(to)                                                                            \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "                               \
    "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='" to "'>"
#define OPEN   OPEN_TO("demo.example")
#define SASL   "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
#define HEADER "<?xml version='1.0'?><stream:stream xmlns='jabber:client' *"
#define END(condition)                                                                         \
    "<stream:error><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>*"
#define AUTH  "<auth " SASL " mechanism='PLAIN'>AGFsaWNlAHB3</auth>"
#define GO(x) XMPP_STREAM_##x
#define SIGN_IN                                                                                \
    {OPEN, GO(CONTINUE), HEADER}, {AUTH, GO(AUTH_START), ""},                                  \
        {"!success", GO(RESTART), "<success " SASL "></success>"},                             \
    {                                                                                          \
        OPEN, GO(CONTINUE), HEADER                                                             \
    }
#define BIND(inner)                                                                            \
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>" inner "</bind></"  \
    "iq>"
#define SM      "xmlns='urn:xmpp:sm:3'"
#define STANZAS "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'"

static const struct script scripts[] = {
    {"STARTTLS, sign-in, binding",
     {{OPEN, GO(CONTINUE),
       "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
       "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='en' "
       "from='demo.example' id='id1'><stream:features><starttls "
       "xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls><limits "
       "xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes>"
       "<idle-seconds>600</idle-seconds></limits></stream:features>"},
      {"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", GO(START_TLS),
       "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
      {"!secured", GO(CONTINUE), ""},
      {OPEN, GO(CONTINUE), HEADER},
      {AUTH, GO(AUTH_START), ""},
      {"!success", GO(RESTART), "<success " SASL "></success>"},
      {OPEN, GO(CONTINUE), HEADER},
      {BIND("<resource>home</resource>"), GO(BIND), ""},
      {"!bound", GO(CONTINUE),
       "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
       "<jid>alice@demo.example/r</jid></bind></iq>"},
      {"<message/>", GO(STANZA), ""},
      {"</stream:stream>", GO(CLOSE), "</stream:stream>"}},
     false},
    {"features under TLS",
     {{OPEN, GO(CONTINUE),
       "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
       "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='en' "
       "from='demo.example' id='id1'><stream:features><mechanisms " SASL
       "><mechanism>SCRAM-SHA-256</mechanism><mechanism>PLAIN</mechanism></mechanisms>"
       "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding "
       "type='tls-exporter'/></sasl-channel-binding>*"}},
     true},
    {"features after sign-in",
     {{OPEN, GO(CONTINUE), HEADER},
      {AUTH, GO(AUTH_START), ""},
      {"!success", GO(RESTART), "<success " SASL "></success>"},
      {OPEN, GO(CONTINUE),
       "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
       "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='en' "
       "from='demo.example' id='id1'><stream:features><bind "
       "xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session "
       "xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm " SM
       "/><csi xmlns='urn:xmpp:csi:0'/><ver xmlns='urn:xmpp:features:rosterver'/><sub "
       "xmlns='urn:xmpp:features:pre-approval'/><limits xmlns='urn:xmpp:stream-limits:0'>"
       "<max-bytes>262144</max-bytes><idle-seconds>600</idle-seconds></limits><c "
       "xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v='/>"
       "</stream:features>"}},
     true},
    {"many tries",
     {{OPEN, GO(CONTINUE), HEADER},
      {"<auth " SASL " mechanism='X'/>", GO(AUTH_START), ""},
      {"!refused", GO(CONTINUE), "<failure " SASL "><not-authorized/></failure>"},
      {"<auth " SASL " mechanism='SCRAM-SHA-1'>biws</auth>", GO(AUTH_START), ""},
      {"!challenge", GO(CONTINUE), "<challenge " SASL ">Y2g=</challenge>"},
      {"<response " SASL ">cmU=</response>", GO(AUTH_NEXT), ""},
      {"!refused", GO(CONTINUE), "<failure " SASL "><not-authorized/></failure>"},
      {"<response " SASL ">cmU=</response>", GO(CONTINUE),
       "<failure " SASL "><malformed-request/></failure>"},
      {AUTH, GO(AUTH_START), ""},
      {"!challenge", GO(CONTINUE), "<challenge " SASL ">Y2g=</challenge>"},
      {"<abort " SASL "/>", GO(AUTH_ABORT), "<failure " SASL "><aborted/></failure>"},
      {AUTH, GO(AUTH_START), ""},
      {"!exhausted", GO(CLOSE),
       "<failure " SASL "><not-authorized/></failure>" END("policy-violation")}},
     true},
    {"sign-in in plain text",
     {{OPEN, GO(CONTINUE), HEADER}, {AUTH, GO(CLOSE), END("policy-violation")}},
     false},
    {"stanza before TLS",
     {{OPEN, GO(CONTINUE), HEADER}, {"<message/>", GO(CLOSE), END("policy-violation")}},
     false},
    {"stanza before sign-in",
     {{OPEN, GO(CONTINUE), HEADER}, {"<message/>", GO(CLOSE), END("not-authorized")}},
     true},
    {"STARTTLS twice",
     {{OPEN, GO(CONTINUE), HEADER},
      {"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", GO(CLOSE),
       "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"}},
     true},
    {"stanza before binding",
     {SIGN_IN, {"<presence/>", GO(CLOSE), END("not-authorized")}},
     true},
    {"another IQ before binding",
     {SIGN_IN, {"<iq type='get' id='1'><q/></iq>", GO(CLOSE), END("not-authorized")}},
     true},
    {"unknown element before binding",
     {SIGN_IN, {"<what/>", GO(CLOSE), END("unsupported-stanza-type")}},
     true},
    {"refused binding, then another",
     {SIGN_IN,
      {BIND(""), GO(BIND), ""},
      {"!bind-refused", GO(CONTINUE),
       "<iq type='error' id='b'><error type='cancel'><conflict " STANZAS "/></error></iq>"},
      {BIND(""), GO(BIND), ""}},
     true},
    {"resumption",
     {SIGN_IN,
      {"<resume " SM " previd='p1' h='7'/>", GO(RESUME), ""},
      {"!resumed", GO(CONTINUE), "<resumed " SM " previd='p1' h='9'/>"},
      {"<r " SM "/>", GO(STANZA), ""}},
     true},
    {"refused resumption, then binding",
     {SIGN_IN,
      {"<resume " SM " previd='p1' h='7'/>", GO(RESUME), ""},
      {"!resume-refused", GO(CONTINUE),
       "<failed " SM " h='3'><item-not-found " STANZAS "/></failed>"},
      {BIND(""), GO(BIND), ""}},
     true},
    {"malformed resumption, early enabling",
     {SIGN_IN,
      {"<resume " SM " previd='p1'/>", GO(CONTINUE),
       "<failed " SM "><bad-request " STANZAS "/></failed>"},
      {"<enable " SM "/>", GO(CONTINUE),
       "<failed " SM "><unexpected-request " STANZAS "/></failed>"},
      {BIND(""), GO(BIND), ""}},
     true},
    {"other domain after sign-in",
     {{OPEN, GO(CONTINUE), HEADER},
      {AUTH, GO(AUTH_START), ""},
      {"!success", GO(RESTART), "<success " SASL "></success>"},
      {OPEN_TO("second.example"), GO(CLOSE), HEADER}},
     true},
    {"element out of turn",
     {{OPEN, GO(CONTINUE), HEADER},
      {AUTH, GO(AUTH_START), ""},
      {AUTH, GO(CLOSE), END("policy-violation")},
      {"!success", GO(CLOSE), ""}},
     true},
    {"close before anything", {{"!ended", GO(CLOSE), ""}, {"!ended", GO(CLOSE), ""}}, false},
    {"redirect",
     {{OPEN, GO(CONTINUE), HEADER},
      {"!redirect", GO(CLOSE),
       "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
       "[::1]:5222</see-other-host></stream:error></stream:stream>"}},
     true},
};

struct header_case {
    const char *name;
    const char *in;
    const char *want_error; /* NULL: accepted */
};
#define STREAMS    "xmlns:stream='http://etherx.jabber.org/streams'"
#define HEAD(rest) "<stream:stream xmlns='jabber:client' " STREAMS " " rest ">"
static const struct header_case headers[] = {
    {"case of the domain", HEAD("to='DEMO.example' version='1.0'"), NULL},
    {"newer minor version", HEAD("to='demo.example' version='1.7'"), NULL},
    {"newer major version", HEAD("to='demo.example' version='10.0'"), NULL},
    {"no version", HEAD("to='demo.example'"), "unsupported-version"},
    {"old version", HEAD("to='demo.example' version='0.9'"), "unsupported-version"},
    {"version without minor", HEAD("to='demo.example' version='1'"), "unsupported-version"},
    {"version in words", HEAD("to='demo.example' version='1.x'"), "unsupported-version"},
    {"no domain", HEAD("version='1.0'"), "improper-addressing"},
    {"unknown domain", HEAD("to='else.example' version='1.0'"), "host-unknown"},
    {"malformed domain", HEAD("to='a b' version='1.0'"), "host-unknown"},
    {"server's namespace",
     "<stream:stream xmlns='jabber:server' " STREAMS " to='demo.example' version='1.0'>",
     "invalid-namespace"},
    {"no content namespace", "<stream:stream " STREAMS " to='demo.example' version='1.0'>",
     "invalid-namespace"},
    {"wrong stream namespace",
     "<stream:stream xmlns='jabber:client' xmlns:stream='x' to='demo.example' version='1.0'>",
     "invalid-namespace"},
    {"wrong root", "<stream:x xmlns='jabber:client' " STREAMS " to='demo.example'>",
     "bad-format"},
    {"not XML", "hello", "not-well-formed"},
    {"comment", "<!-- -->", "restricted-xml"},
};

static bool serves(struct span domain, void *arg)
{
    (void)arg;
    return span_is(domain, "demo.example") || span_is(domain, "second.example");
}

static void offer(struct span domain, struct xmpp_stream_offer *ret_offer, void *arg)
{
    static const char *const mechanisms[] = {"SCRAM-SHA-256", "PLAIN"};
    static const char *const bindings[] = {"tls-exporter"};
    (void)domain;
    (void)arg;
    *ret_offer = (struct xmpp_stream_offer){mechanisms, 2, bindings, 1};
}

static struct xmpp_stream *stream_make(bool is_direct)
{
    static const struct xmpp_stream_hooks hooks = {serves, offer};
    const struct xmpp_stream_config config = {
        .hooks = &hooks,
        .domain = SPAN("demo.example"),
        .is_secured = is_direct,
        .sign_in_max = 10000,
        .stanza_max = 262144,
        .idle_seconds = 600,
        .caps_ver = SPAN("v="),
        .caps_node = SPAN("n"),
    };
    return xmpp_stream_new(&config);
}

static enum xmpp_stream_action owner_says(struct xmpp_stream *s, const char *what,
                                          struct strbuf *out)
{
    const struct span user = SPAN("alice@demo.example");
    const struct span full = SPAN("alice@demo.example/r");
    if (strcmp(what, "!success") == 0)
        return xmpp_stream_authenticated(s, user, SPAN(""), out);
    if (strcmp(what, "!refused") == 0)
        return xmpp_stream_refused(s, SASL_CONDITION_NOT_AUTHORIZED, NULL, false, out);
    if (strcmp(what, "!exhausted") == 0)
        return xmpp_stream_refused(s, SASL_CONDITION_NOT_AUTHORIZED, NULL, true, out);
    if (strcmp(what, "!ended") == 0)
        return xmpp_stream_ended(s, out);
    if (strcmp(what, "!redirect") == 0)
        return xmpp_stream_redirect(s, SPAN("[::1]:5222"), out);
    if (strcmp(what, "!secured") == 0)
        xmpp_stream_secured(s);
    else if (strcmp(what, "!challenge") == 0)
        xmpp_stream_challenge(s, SPAN("Y2g="), out);
    else if (strcmp(what, "!bound") == 0)
        xmpp_stream_bound(s, full, out);
    else if (strcmp(what, "!bind-refused") == 0)
        xmpp_stream_bind_refused(s, STANZA_ERROR_CONFLICT, out);
    else if (strcmp(what, "!resumed") == 0)
        xmpp_stream_resumed(s, full, SPAN("p1"), 9, out);
    else if (strcmp(what, "!resume-refused") == 0)
        xmpp_stream_resume_refused(s, STANZA_ERROR_ITEM_NOT_FOUND, true, 3, out);
    else
        fail_msg("%s?", what);
    return XMPP_STREAM_CONTINUE;
}

static enum xmpp_stream_action peer_says(struct xmpp_stream *s, struct xml_reader *r,
                                         const char *what, struct strbuf *out)
{
    struct xml_reader_event e;
    enum xmpp_stream_action action = XMPP_STREAM_CONTINUE;
    xml_reader_feed(r, span_text(what));
    assert_int_equal(xml_reader_next(r, &e), 1);
    switch (e.kind) {
    case XML_READER_OPENED:
        action = xmpp_stream_opened(s, &e, SPAN("id1"), out);
        break;
    case XML_READER_ELEMENT:
        action = xmpp_stream_element(s, e.node, out);
        break;
    case XML_READER_CLOSED:
        action = xmpp_stream_ended(s, out);
        break;
    case XML_READER_FAILED:
        action = xmpp_stream_reader_failed(s, &e, out);
        break;
    }
    if (action == XMPP_STREAM_START_TLS || action == XMPP_STREAM_RESTART)
        xml_reader_restart(r, action == XMPP_STREAM_RESTART);
    return action;
}

static void assert_written(const struct strbuf *out, const char *want)
{
    const char *text = strbuf_span(out).ptr;
    const size_t size = strlen(want);
    if (size > 0 && want[size - 1] == '*') {
        if (strncmp(text, want, size - 1) != 0)
            assert_string_equal(text, want);
        return;
    }
    assert_string_equal(text, want);
}

static void script_holds(void **state)
{
    const struct script *t = *state;
    struct xmpp_stream *s = stream_make(t->is_direct);
    struct xml_reader *r = xml_reader_new(&xml_reader_limits_standard, 0);
    for (const struct line *l = t->lines; l < t->lines + LINES_MAX && l->in; l++) {
        struct strbuf out = {0};
        const enum xmpp_stream_action action =
            l->in[0] == '!' ? owner_says(s, l->in, &out) : peer_says(s, r, l->in, &out);
        assert_written(&out, l->want_out);
        assert_int_equal(action, l->want);
        if (action == XMPP_STREAM_RESTART)
            xml_reader_restart(r, true);
        assert_int_equal(xmpp_stream_is_closed(s), action == XMPP_STREAM_CLOSE);
        strbuf_done(&out);
        if (action == XMPP_STREAM_CLOSE && l->in[0] == '<')
            assert_int_equal(xmpp_stream_fail(s, STREAM_ERROR_RESET, NULL, &out),
                             XMPP_STREAM_CLOSE);
        assert_int_equal(out.size, 0); /* nothing follows the end */
    }
    xml_reader_free(r);
    xmpp_stream_free(s);
}

static void header_case_holds(void **state)
{
    const struct header_case *t = *state;
    struct xmpp_stream *s = stream_make(true);
    struct xml_reader *r = xml_reader_new(&xml_reader_limits_standard, 0);
    struct strbuf out = {0};

    const enum xmpp_stream_action action = peer_says(s, r, t->in, &out);
    assert_int_equal(strncmp(out.data, "<?xml version='1.0'?><stream:stream ", 36), 0);
    assert_non_null(strstr(out.data, " from='demo.example'"));
    if (t->want_error) {
        char want[64];
        (void)snprintf(want, sizeof(want), "<stream:error><%s xmlns=", t->want_error);
        assert_int_equal(action, XMPP_STREAM_CLOSE);
        assert_non_null(strstr(out.data, want));
        assert_non_null(strstr(out.data, "</stream:stream>"));
    } else {
        assert_int_equal(action, XMPP_STREAM_CONTINUE);
        assert_true(span_is(xmpp_stream_domain(s), "demo.example"));
    }
    strbuf_done(&out);
    xml_reader_free(r);
    xmpp_stream_free(s);
}

static void hands_on_what_was_asked(void **state)
{
    (void)state;
    struct xmpp_stream *s = stream_make(true);
    struct xml_reader *r = xml_reader_new(&xml_reader_limits_standard, 0);
    struct strbuf out = {0};
    const struct xmpp_stream_request *request = xmpp_stream_request(s);

    (void)peer_says(s, r, HEAD("to='demo.example' from='a@b' version='1.0' xml:lang='de'"),
                    &out);
    assert_non_null(strstr(out.data, " to='a@b'"));
    assert_true(span_is(xmpp_stream_lang(s), "de"));
    assert_true(span_is_none(xmpp_stream_user(s)));
    (void)peer_says(s, r, "<auth " SASL " mechanism='SCRAM-SHA-1'>=</auth>", &out);
    assert_true(span_is(request->mechanism, "SCRAM-SHA-1"));
    assert_true(span_is(request->payload, "="));
    (void)owner_says(s, "!success", &out);
    xml_reader_restart(r, true);
    assert_true(span_is(xmpp_stream_user(s), "alice@demo.example"));
    assert_true(span_is_none(xmpp_stream_address(s)));
    (void)peer_says(s, r, OPEN, &out);
    assert_true(span_is_none(xmpp_stream_lang(s)));
    (void)peer_says(s, r, "<resume " SM " previd='p&amp;1' h='4294967295'/>", &out);
    assert_true(span_is(request->previd, "p&1"));
    assert_int_equal(request->h, 4294967295U);
    (void)owner_says(s, "!resume-refused", &out);
    (void)peer_says(s, r, BIND("<resource>home</resource>"), &out);
    assert_true(span_is(request->resource, "home"));
    (void)owner_says(s, "!bound", &out);
    assert_true(xmpp_stream_is_ready(s));
    assert_true(span_is(xmpp_stream_address(s), "alice@demo.example/r"));
    assert_true(span_is(xmpp_stream_user(s), "alice@demo.example"));
    strbuf_done(&out);
    xml_reader_free(r);
    xmpp_stream_free(s);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(scripts) + COUNT_OF(headers) + 1];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(scripts); i++)
        tests[n++] = (struct CMUnitTest){.name = scripts[i].name,
                                         .test_func = script_holds,
                                         .initial_state = (void *)&scripts[i]};
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        tests[n++] = (struct CMUnitTest){.name = headers[i].name,
                                         .test_func = header_case_holds,
                                         .initial_state = (void *)&headers[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(hands_on_what_was_asked);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
