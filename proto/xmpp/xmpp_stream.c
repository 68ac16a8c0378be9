/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/xmpp_stream.h"

#include <assert.h>

#include "base/mem.h"
#include "proto/auth/address.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/sm_stanza.h"
#include "proto/xmpp/stanza.h"
#include "proto/xmpp/xmpp_features.h"
#include "proto/xmpp/xmpp_ns.h"

enum { STREAM_LANG_MAX = 64 }; /* bytes of xml:lang that are kept; RFC 5646 needs 35 */

enum stream_state {
    STREAM_AWAIT_HEADER,
    STREAM_PLAIN,     /* only STARTTLS */
    STREAM_AWAIT_TLS, /* the owner's */
    STREAM_SIGN_IN,
    STREAM_AWAIT_AUTH, /* the owner's answer */
    STREAM_RESPONSE,   /* a challenge is out */
    STREAM_BIND,
    STREAM_AWAIT_BIND, /* the owner's answer */
    STREAM_AWAIT_RESUME,
    STREAM_READY,
    STREAM_CLOSED,
};

struct xmpp_stream {
    struct xmpp_stream_config config;
    struct xmpp_stream_request request;
    enum stream_state state;
    bool is_secured;
    bool is_authenticated;
    bool has_header;       /* ours went out since the last restart */
    struct strbuf domain;  /* prepared */
    struct strbuf address; /* bare after sign-in, full after binding */
    struct strbuf lang;
    struct strbuf bind_id;
};

struct xmpp_stream *xmpp_stream_new(const struct xmpp_stream_config *config)
{
    struct xmpp_stream *s = mem_zeroed(1, sizeof(*s));
    s->config = *config;
    s->is_secured = config->is_secured;
    return s;
}

void xmpp_stream_free(struct xmpp_stream *s)
{
    if (!s)
        return;
    strbuf_done(&s->domain);
    strbuf_done(&s->address);
    strbuf_done(&s->lang);
    strbuf_done(&s->bind_id);
    free(s);
}

/* ---- Headers and ends ---- */

static void header_format(struct xmpp_stream *s, struct span to, struct span id,
                          struct strbuf *out)
{
    s->has_header = true;
    strbuf_add_text(out, "<?xml version='1.0'?><stream:stream xmlns='" XMPP_NS_CLIENT
                         "' xmlns:stream='" XMPP_NS_STREAM "' version='1.0' xml:lang='en'");
    xml_writer_attr(out, "from", s->domain.size ? strbuf_span(&s->domain) : s->config.domain);
    xml_writer_attr(out, "to", to);
    xml_writer_attr(out, "id", id);
    strbuf_add_byte(out, '>');
}

static enum xmpp_stream_action stream_end(struct xmpp_stream *s,
                                          enum stream_error_condition condition,
                                          const char *text, struct span detail,
                                          struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return XMPP_STREAM_CLOSE;
    if (!s->has_header) /* RFC 6120, 4.9.1.2 */
        header_format(s, SPAN_NONE, SPAN_NONE, out);
    stream_error_format(out, condition, text, detail);
    strbuf_add_text(out, "</stream:stream>");
    s->state = STREAM_CLOSED;
    return XMPP_STREAM_CLOSE;
}

enum xmpp_stream_action xmpp_stream_fail(struct xmpp_stream *s,
                                         enum stream_error_condition condition,
                                         const char *text, struct strbuf *out)
{
    return stream_end(s, condition, text, SPAN_NONE, out);
}

enum xmpp_stream_action xmpp_stream_reader_failed(struct xmpp_stream *s,
                                                  const struct xml_reader_event *failed,
                                                  struct strbuf *out)
{
    return xmpp_stream_fail(s, stream_error_of_reader(failed->error), failed->why, out);
}

enum xmpp_stream_action xmpp_stream_redirect(struct xmpp_stream *s, struct span host,
                                             struct strbuf *out)
{
    assert(!s->is_authenticated);
    return stream_end(s, STREAM_ERROR_SEE_OTHER_HOST, NULL, host, out);
}

enum xmpp_stream_action xmpp_stream_ended(struct xmpp_stream *s, struct strbuf *out)
{
    if (s->state != STREAM_CLOSED && s->has_header)
        strbuf_add_text(out, "</stream:stream>");
    s->state = STREAM_CLOSED;
    return XMPP_STREAM_CLOSE;
}

/* Offers what comes next (RFC 6120, 4.3.2). */
static void stream_offer(struct xmpp_stream *s, struct strbuf *out)
{
    if (!s->is_secured) {
        xmpp_features_plain(out, &s->config);
        s->state = STREAM_PLAIN;
    } else if (!s->is_authenticated) {
        struct xmpp_stream_offer offer = {0};
        s->config.hooks->offer(strbuf_span(&s->domain), &offer, s->config.arg);
        xmpp_features_sign_in(out, &s->config, &offer);
        s->state = STREAM_SIGN_IN;
    } else {
        xmpp_features_signed_in(out, &s->config);
        s->state = STREAM_BIND;
    }
}

/* ---- The peer's header ---- */

/* RFC 6120, 4.7.5: "major.minor", compared as two numbers; ours is 1.0. */
static bool version_is_spoken(struct span version)
{
    const size_t dot = span_index(version, '.');
    bool is_major_zero = true;
    if (dot == 0 || dot + 1 >= version.size)
        return false;
    for (size_t i = 0; i < version.size; i++) {
        if (i == dot)
            continue;
        if (version.ptr[i] < '0' || version.ptr[i] > '9')
            return false;
        if (i < dot && version.ptr[i] != '0')
            is_major_zero = false;
    }
    return !is_major_zero;
}

struct header_fault {
    bool is_fault;
    enum stream_error_condition condition;
    const char *text;
};
#define HEADER_FAULT(c, t) ((struct header_fault){true, STREAM_ERROR_##c, t})

/* Takes the domain over when it may be. */
static struct header_fault header_domain(struct xmpp_stream *s, struct span to)
{
    struct address_part storage;
    struct span domain;
    if (to.size == 0)
        return HEADER_FAULT(IMPROPER_ADDRESSING, "a stream header names its domain in `to`");
    if (address_domain(to, &storage, &domain) < 0 ||
        !s->config.hooks->serves(domain, s->config.arg))
        return HEADER_FAULT(HOST_UNKNOWN, "this server does not serve that domain");
    if (s->is_authenticated && !span_equal(domain, strbuf_span(&s->domain)))
        return HEADER_FAULT(NOT_AUTHORIZED, "signed in to another domain");
    strbuf_clear(&s->domain);
    strbuf_add(&s->domain, domain);
    return (struct header_fault){0};
}

static struct header_fault header_check(struct xmpp_stream *s,
                                        const struct xml_reader_event *opened)
{
    const struct xml_node *root = opened->node;
    if (!span_is(root->ns, XMPP_NS_STREAM))
        return HEADER_FAULT(INVALID_NAMESPACE, NULL);
    if (!span_is(root->name, "stream"))
        return HEADER_FAULT(BAD_FORMAT, NULL);
    if (!span_is(opened->default_ns, XMPP_NS_CLIENT))
        return HEADER_FAULT(INVALID_NAMESPACE, "only jabber:client is spoken here");
    const struct header_fault fault = header_domain(s, xml_node_attr(root, "to"));
    if (fault.is_fault)
        return fault;
    if (!version_is_spoken(xml_node_attr(root, "version")))
        return HEADER_FAULT(UNSUPPORTED_VERSION, "version 1.0 is spoken here");
    return fault;
}

enum xmpp_stream_action xmpp_stream_opened(struct xmpp_stream *s,
                                           const struct xml_reader_event *opened,
                                           struct span stream_id, struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return XMPP_STREAM_CLOSE;
    assert(s->state == STREAM_AWAIT_HEADER);

    const struct header_fault fault = header_check(s, opened);
    header_format(s, xml_node_attr(opened->node, "from"), stream_id, out);
    if (fault.is_fault)
        return xmpp_stream_fail(s, fault.condition, fault.text, out);
    strbuf_clear(&s->lang);
    strbuf_add(&s->lang, span_first(xml_node_lang(opened->node), STREAM_LANG_MAX));
    stream_offer(s, out);
    return XMPP_STREAM_CONTINUE;
}

/* ---- Elements, by state ---- */

static enum xmpp_stream_action plain_element(struct xmpp_stream *s, const struct xml_node *n,
                                             struct strbuf *out)
{
    if (!xml_node_is(n, "starttls", XMPP_NS_TLS)) /* RFC 6120, 5.3.1 */
        return xmpp_stream_fail(s, STREAM_ERROR_POLICY_VIOLATION, "use STARTTLS first", out);
    strbuf_add_text(out, "<proceed xmlns='" XMPP_NS_TLS "'/>");
    s->state = STREAM_AWAIT_TLS;
    return XMPP_STREAM_START_TLS;
}

static void failure_format(struct strbuf *out, enum sasl_condition condition, const char *text)
{
    strbuf_printf(out, "<failure xmlns='" XMPP_NS_SASL "'><%s/>",
                  sasl_condition_name(condition));
    if (text) {
        strbuf_add_text(out, "<text xml:lang='en'>");
        xml_writer_text(out, span_text(text));
        strbuf_add_text(out, "</text>");
    }
    strbuf_add_text(out, "</failure>");
}

/* The only text inside; the reader joins pieces. */
static struct span element_text(const struct xml_node *n)
{
    const struct xml_node *child = n->first_child;
    return child && child->kind == XML_NODE_TEXT ? child->text : SPAN("");
}

static enum xmpp_stream_action sign_in_element(struct xmpp_stream *s, const struct xml_node *n,
                                               struct strbuf *out)
{
    if (xml_node_is(n, "auth", XMPP_NS_SASL)) {
        s->request.mechanism = xml_node_attr(n, "mechanism");
        s->request.payload = element_text(n);
        s->state = STREAM_AWAIT_AUTH;
        return XMPP_STREAM_AUTH_START;
    }
    if (s->state == STREAM_RESPONSE && xml_node_is(n, "response", XMPP_NS_SASL)) {
        s->request.payload = element_text(n);
        s->state = STREAM_AWAIT_AUTH;
        return XMPP_STREAM_AUTH_NEXT;
    }
    if (xml_node_is(n, "response", XMPP_NS_SASL)) { /* to no challenge */
        failure_format(out, SASL_CONDITION_MALFORMED_REQUEST, NULL);
        return XMPP_STREAM_CONTINUE;
    }
    if (xml_node_is(n, "abort", XMPP_NS_SASL)) {
        failure_format(out, SASL_CONDITION_ABORTED, NULL);
        s->state = STREAM_SIGN_IN;
        return XMPP_STREAM_AUTH_ABORT;
    }
    if (xml_node_is(n, "starttls", XMPP_NS_TLS)) { /* RFC 6120, 5.4.2.2 */
        strbuf_add_text(out, "<failure xmlns='" XMPP_NS_TLS "'/></stream:stream>");
        s->state = STREAM_CLOSED;
        return XMPP_STREAM_CLOSE;
    }
    /* RFC 6120, 4.9.3.12: nothing else before sign-in. */
    return xmpp_stream_fail(s, STREAM_ERROR_NOT_AUTHORIZED, "sign in first", out);
}

static enum xmpp_stream_action resume_element(struct xmpp_stream *s, const struct xml_node *n,
                                              struct strbuf *out)
{
    struct sm_stanza sm;
    sm_stanza_parse(n, &sm);
    if (sm.kind != SM_STANZA_RESUME) {
        /* XEP-0198, 3: <enable/> before binding, and what makes no sense at all. */
        sm_stanza_failed(out,
                         sm.kind == SM_STANZA_MALFORMED ? STANZA_ERROR_BAD_REQUEST
                                                        : STANZA_ERROR_UNEXPECTED_REQUEST,
                         false, 0);
        return XMPP_STREAM_CONTINUE;
    }
    s->request.previd = sm.previd;
    s->request.h = sm.h;
    s->state = STREAM_AWAIT_RESUME;
    return XMPP_STREAM_RESUME;
}

static enum xmpp_stream_action bind_element(struct xmpp_stream *s, struct xml_node *n,
                                            struct strbuf *out)
{
    struct stanza iq = {0};
    enum stanza_error_condition condition;
    if (span_is(n->ns, XMPP_NS_SM))
        return resume_element(s, n, out);

    const int rc = stanza_parse(n, &iq, &condition);
    const struct xml_node *bind = rc == 0 ? xml_node_child(n, "bind", XMPP_NS_BIND) : NULL;
    if (rc == STANZA_FOREIGN)
        return xmpp_stream_fail(s, STREAM_ERROR_UNSUPPORTED_STANZA_TYPE, NULL, out);
    if (!bind || iq.kind != STANZA_IQ || iq.type != STANZA_SET) /* RFC 6120, 7.1 */
        return xmpp_stream_fail(s, STREAM_ERROR_NOT_AUTHORIZED, "bind a resource first", out);

    const struct xml_node *resource = xml_node_child(bind, "resource", XMPP_NS_BIND);
    s->request.resource = resource ? element_text(resource) : SPAN("");
    strbuf_clear(&s->bind_id);
    strbuf_add(&s->bind_id, iq.id);
    s->state = STREAM_AWAIT_BIND;
    return XMPP_STREAM_BIND;
}

enum xmpp_stream_action xmpp_stream_element(struct xmpp_stream *s, struct xml_node *element,
                                            struct strbuf *out)
{
    s->request = (struct xmpp_stream_request){0};
    switch (s->state) {
    case STREAM_PLAIN:
        return plain_element(s, element, out);
    case STREAM_SIGN_IN:
    case STREAM_RESPONSE:
        return sign_in_element(s, element, out);
    case STREAM_BIND:
        return bind_element(s, element, out);
    case STREAM_READY:
        return XMPP_STREAM_STANZA;
    case STREAM_CLOSED:
        return XMPP_STREAM_CLOSE;
    case STREAM_AWAIT_HEADER:
    case STREAM_AWAIT_TLS:
    case STREAM_AWAIT_AUTH:
    case STREAM_AWAIT_BIND:
    case STREAM_AWAIT_RESUME:
        break;
    }
    return xmpp_stream_fail(s, STREAM_ERROR_POLICY_VIOLATION, "out of turn", out);
}

const struct xmpp_stream_request *xmpp_stream_request(const struct xmpp_stream *s)
{
    return &s->request;
}

/* ---- The owner's answers. One that comes after the end is dropped. ---- */

static void stream_restart(struct xmpp_stream *s)
{
    s->state = STREAM_AWAIT_HEADER;
    s->has_header = false;
}

void xmpp_stream_secured(struct xmpp_stream *s)
{
    if (s->state == STREAM_CLOSED)
        return;
    assert(s->state == STREAM_AWAIT_TLS);
    s->is_secured = true;
    stream_restart(s);
}

void xmpp_stream_challenge(struct xmpp_stream *s, struct span payload, struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return;
    assert(s->state == STREAM_AWAIT_AUTH);
    strbuf_add_text(out, "<challenge xmlns='" XMPP_NS_SASL "'>");
    xml_writer_text(out, payload);
    strbuf_add_text(out, "</challenge>");
    s->state = STREAM_RESPONSE;
}

enum xmpp_stream_action xmpp_stream_authenticated(struct xmpp_stream *s, struct span user,
                                                  struct span payload, struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return XMPP_STREAM_CLOSE;
    assert(s->state == STREAM_AWAIT_AUTH);
    strbuf_add_text(out, "<success xmlns='" XMPP_NS_SASL "'>");
    xml_writer_text(out, payload);
    strbuf_add_text(out, "</success>");
    strbuf_add(&s->address, user);
    s->is_authenticated = true;
    stream_restart(s);
    return XMPP_STREAM_RESTART;
}

enum xmpp_stream_action xmpp_stream_refused(struct xmpp_stream *s,
                                            enum sasl_condition condition, const char *text,
                                            bool is_exhausted, struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return XMPP_STREAM_CLOSE;
    assert(s->state == STREAM_AWAIT_AUTH);
    failure_format(out, condition, text);
    s->state = STREAM_SIGN_IN;
    if (is_exhausted) /* RFC 6120, 6.4.5 */
        return xmpp_stream_fail(s, STREAM_ERROR_POLICY_VIOLATION, "too many tries", out);
    return XMPP_STREAM_CONTINUE;
}

static void stream_ready(struct xmpp_stream *s, struct span full_address)
{
    strbuf_clear(&s->address);
    strbuf_add(&s->address, full_address);
    strbuf_done(&s->bind_id);
    s->state = STREAM_READY;
}

void xmpp_stream_bound(struct xmpp_stream *s, struct span full_address, struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return;
    assert(s->state == STREAM_AWAIT_BIND);
    strbuf_add_text(out, "<iq type='result'");
    xml_writer_attr(out, "id", strbuf_span(&s->bind_id));
    strbuf_add_text(out, "><bind xmlns='" XMPP_NS_BIND "'><jid>");
    xml_writer_text(out, full_address);
    strbuf_add_text(out, "</jid></bind></iq>");
    stream_ready(s, full_address);
}

void xmpp_stream_bind_refused(struct xmpp_stream *s, enum stanza_error_condition condition,
                              struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return;
    assert(s->state == STREAM_AWAIT_BIND);
    strbuf_add_text(out, "<iq type='error'");
    xml_writer_attr(out, "id", strbuf_span(&s->bind_id));
    strbuf_printf(out, "><error type='%s'><%s xmlns='" XMPP_NS_STANZA_ERRORS "'/></error></iq>",
                  stanza_error_type_name(stanza_error_type_of(condition)),
                  stanza_error_name(condition));
    s->state = STREAM_BIND;
}

void xmpp_stream_resumed(struct xmpp_stream *s, struct span full_address, struct span previd,
                         uint32_t h, struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return;
    assert(s->state == STREAM_AWAIT_RESUME);
    sm_stanza_resumed(out, previd, h);
    stream_ready(s, full_address);
}

void xmpp_stream_resume_refused(struct xmpp_stream *s, enum stanza_error_condition condition,
                                bool has_h, uint32_t h, struct strbuf *out)
{
    if (s->state == STREAM_CLOSED)
        return;
    assert(s->state == STREAM_AWAIT_RESUME);
    sm_stanza_failed(out, condition, has_h, h);
    s->state = STREAM_BIND;
}

/* ---- What is known ---- */

bool xmpp_stream_is_ready(const struct xmpp_stream *s)
{
    return s->state == STREAM_READY;
}

bool xmpp_stream_is_secured(const struct xmpp_stream *s)
{
    return s->is_secured;
}

bool xmpp_stream_is_authenticated(const struct xmpp_stream *s)
{
    return s->is_authenticated;
}

bool xmpp_stream_is_closed(const struct xmpp_stream *s)
{
    return s->state == STREAM_CLOSED;
}

static struct span known(const struct strbuf *text)
{
    return text->size ? strbuf_span(text) : SPAN_NONE;
}

struct span xmpp_stream_domain(const struct xmpp_stream *s)
{
    return known(&s->domain);
}

struct span xmpp_stream_user(const struct xmpp_stream *s)
{
    return s->is_authenticated ? address_bare_of(strbuf_span(&s->address)) : SPAN_NONE;
}

struct span xmpp_stream_address(const struct xmpp_stream *s)
{
    return s->state == STREAM_READY ? strbuf_span(&s->address) : SPAN_NONE;
}

struct span xmpp_stream_lang(const struct xmpp_stream *s)
{
    return known(&s->lang);
}
