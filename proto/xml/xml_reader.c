/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xml/xml_reader.h"

#include <assert.h>
#define XML_DTD 1 /* else expat.h hides what we need */
#define XML_GE  1
#include <expat.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "proto/xml/xml_writer.h"

const struct xml_reader_limits xml_reader_limits_standard = {
    .element_size = 10000,
    .tag_size = 16384,
    .renew_size = 65536,
    .depth = 64,
    .attribute_count = 128,
    .node_count = 16384,
};

enum {
    READER_KEPT_INPUT = 4096, /* a larger buffer is freed as soon as it is empty */
    READER_PIECE = 64 * 1024, /* bytes that the parser gets at once, between two checks */
};

/* An element whose end tag has not come. */
struct open_element {
    struct open_element *up;
    struct xml_node *node;
};

struct xml_reader {
    XML_Parser parser; /* NULL while parked */
    struct xml_reader_limits limits;
    unsigned long hash_salt;
    struct arena own_arena;
    struct arena *arena;       /* own_arena, or the caller's for a fragment */
    struct open_element *open; /* inside the element being read */
    struct strbuf text;        /* character data since the last tag */
    struct strbuf header;      /* bytes up to the end of the root's start tag */
    struct strbuf input;       /* what stands behind the last event */
    size_t taken;              /* bytes of input that the parser has got */
    size_t boundary;           /* bytes of input that are done with */
    size_t element_start;      /* in input */
    XML_Index base;            /* the parser's index of input[0] */
    unsigned depth;            /* open elements, the root included */
    unsigned declared;         /* xmlns attributes of the tag being read */
    unsigned node_count;       /* of the element being read */
    struct xml_reader_event event;
    bool has_event;
    bool is_event_out;  /* its node may be in use until the next call */
    bool is_root_empty; /* <stream:stream/>: CLOSED follows OPENED at once */
    bool is_opened;
    bool is_suspended;
    bool is_replaying; /* the header, to a new parser */
    bool is_done;      /* CLOSED or FAILED was found */
};

struct xml_reader *xml_reader_new(const struct xml_reader_limits *limits,
                                  unsigned long hash_salt)
{
    struct xml_reader *r = mem_zeroed(1, sizeof(*r));
    r->limits = *limits;
    r->hash_salt = hash_salt;
    r->arena = &r->own_arena;
    return r;
}

static void parser_drop(struct xml_reader *r)
{
    if (r->parser)
        XML_ParserFree(r->parser);
    r->parser = NULL;
    r->is_suspended = false;
}

void xml_reader_free(struct xml_reader *r)
{
    if (!r)
        return;
    parser_drop(r);
    arena_done(&r->own_arena);
    strbuf_done(&r->text);
    strbuf_done(&r->header);
    strbuf_done(&r->input);
    free(r);
}

static void reader_release(struct xml_reader **r)
{
    xml_reader_free(*r);
}

void xml_reader_set_limits(struct xml_reader *r, const struct xml_reader_limits *limits)
{
    r->limits = *limits;
}

/* ---- What the parser reports. No XML_*() here but XML_StopParser() and the position. ---- */

static void event_fail(struct xml_reader *r, enum xml_reader_error error, const char *why)
{
    if (r->is_done)
        return; /* the first reason counts */
    r->event = (struct xml_reader_event){
        .kind = XML_READER_FAILED, .error = error, .why = why, .arena = r->arena};
    r->has_event = r->is_done = true;
}

static void reader_stop(struct xml_reader *r, enum xml_reader_error error, const char *why)
{
    event_fail(r, error, why);
    XML_StopParser(r->parser, XML_FALSE);
}

static void reader_suspend(struct xml_reader *r, enum xml_reader_kind kind,
                           struct xml_node *node)
{
    r->event.kind = kind;
    r->event.node = node;
    r->event.arena = r->arena;
    r->has_event = true;
    XML_StopParser(r->parser, XML_TRUE);
}

static void text_flush(struct xml_reader *r)
{
    if (r->text.size == 0 || !r->open)
        return;
    xml_node_add_text(r->arena, r->open->node, arena_copy(r->arena, strbuf_span(&r->text)));
    r->node_count++;
    strbuf_clear(&r->text);
}

/* Splits expat's "namespace \1 name"; a namespace like the parent's is shared. */
static void name_split(struct xml_reader *r, const char *joined, struct span *ret_name,
                       struct span *ret_ns)
{
    const struct span all = span_text(joined);
    const size_t border = span_index(all, '\1');
    struct span ns = SPAN("");
    struct span name = all;
    if (border < all.size) {
        ns = span_first(all, border);
        name = span_from(all, border + 1);
    }
    const struct xml_node *parent = r->open ? r->open->node : NULL;
    *ret_name = arena_copy(r->arena, name);
    *ret_ns = parent && span_equal(parent->ns, ns) ? parent->ns : arena_copy(r->arena, ns);
}

static struct xml_node *node_build(struct xml_reader *r, const char *joined,
                                   const char **attributes)
{
    struct span name, ns;
    name_split(r, joined, &name, &ns);
    struct xml_node *n = xml_node_new_span(r->arena, name, ns);
    struct xml_attr **end = &n->attrs;
    for (const char **a = attributes; *a; a += 2) {
        struct xml_attr *attr = *end = arena_zeroed(r->arena, sizeof(*attr));
        const struct span all = span_text(a[0]);
        const size_t border = span_index(all, '\1');
        const bool has_ns = border < all.size;
        attr->ns = has_ns ? arena_copy(r->arena, span_first(all, border)) : SPAN("");
        attr->name = arena_copy(r->arena, has_ns ? span_from(all, border + 1) : all);
        attr->value = arena_copy(r->arena, span_text(a[1]));
        end = &attr->next;
    }
    return n;
}

/* Holds a start tag against the limits. */
static const char *tag_excess(struct xml_reader *r, const char **attributes)
{
    size_t count = r->declared;
    for (const char **a = attributes; *a; a += 2)
        count++;
    r->declared = 0;
    if (count > r->limits.attribute_count)
        return "too many attributes";
    if (r->depth >= r->limits.depth)
        return "elements nested too deeply";
    if (XML_GetCurrentByteCount(r->parser) > (int)r->limits.tag_size)
        return "a tag is too long";
    if (r->depth > 0 && ++r->node_count > r->limits.node_count)
        return "too many nodes in one element";
    return NULL;
}

static void XMLCALL reader_started(void *arg, const char *name, const char **attributes)
{
    struct xml_reader *r = arg;
    if (r->is_done)
        return;
    if (r->is_replaying) {
        r->depth++;
        r->declared = 0;
        return;
    }
    if (r->depth == 1) {
        r->element_start = (size_t)(XML_GetCurrentByteIndex(r->parser) - r->base);
        r->node_count = 0;
        strbuf_clear(&r->text);
    }
    const char *excess = tag_excess(r, attributes);
    if (excess) {
        reader_stop(r, XML_READER_TOO_BIG, excess);
        return;
    }
    text_flush(r);
    struct xml_node *n = node_build(r, name, attributes);
    if (r->depth++ == 0) {
        reader_suspend(r, XML_READER_OPENED, n);
        return;
    }
    if (r->open)
        xml_node_add(r->open->node, n);
    struct open_element *open = arena_zeroed(r->arena, sizeof(*open));
    *open = (struct open_element){.up = r->open, .node = n};
    r->open = open;
}

static void XMLCALL reader_ended(void *arg, const char *name)
{
    struct xml_reader *r = arg;
    (void)name;
    if (r->is_done)
        return;
    r->depth--;
    if (r->depth == 0) {
        if (r->has_event)
            r->is_root_empty = true;
        else
            reader_suspend(r, XML_READER_CLOSED, NULL);
        return;
    }
    text_flush(r);
    struct xml_node *n = r->open->node;
    r->open = r->open->up;
    if (!r->open)
        reader_suspend(r, XML_READER_ELEMENT, n);
}

static void XMLCALL reader_characters(void *arg, const char *text, int size)
{
    struct xml_reader *r = arg;
    if (r->is_done)
        return;
    if (r->open) {
        strbuf_add(&r->text, span_of(text, (size_t)size));
        return;
    }
    for (int i = 0; i < size; i++)
        if (!strchr(" \t\r\n", text[i])) {
            reader_stop(r, XML_READER_BAD_FORMAT, "text between elements");
            return;
        }
}

/* Between elements it could only hide whitespace; and there the parser could not be parked
 * inside of it. */
static void XMLCALL reader_cdata(void *arg)
{
    struct xml_reader *r = arg;
    if (!r->open)
        reader_stop(r, XML_READER_BAD_FORMAT, "text between elements");
}

static void XMLCALL reader_declared_ns(void *arg, const char *prefix, const char *uri)
{
    struct xml_reader *r = arg;
    r->declared++;
    if (r->depth == 0 && !prefix && !r->is_replaying)
        r->event.default_ns = arena_copy(r->arena, span_text(uri ? uri : ""));
}

static void XMLCALL reader_declared(void *arg, const char *version, const char *encoding,
                                    int standalone)
{
    struct xml_reader *r = arg;
    (void)standalone;
    if (version && strcmp(version, "1.0") != 0)
        reader_stop(r, XML_READER_BAD_FORMAT, "only XML 1.0 is spoken here");
    else if (encoding && strcasecmp(encoding, "UTF-8") != 0)
        reader_stop(r, XML_READER_BAD_ENCODING, "only UTF-8 is spoken here");
}

static void XMLCALL reader_doctype(void *arg, const char *name, const char *system_id,
                                   const char *public_id, int has_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    reader_stop(arg, XML_READER_RESTRICTED, "a document type");
}

static void XMLCALL reader_instruction(void *arg, const char *target, const char *data)
{
    (void)target;
    (void)data;
    reader_stop(arg, XML_READER_RESTRICTED, "a processing instruction");
}

static void XMLCALL reader_comment(void *arg, const char *data)
{
    (void)data;
    reader_stop(arg, XML_READER_RESTRICTED, "a comment");
}

/* ---- Driving the parser ---- */

static void parser_make(struct xml_reader *r)
{
    /* 0x01 cannot occur in XML, so it separates namespace and name without doubt. */
    XML_Parser p = XML_ParserCreateNS("UTF-8", '\1');
    if (!p)
        abort(); /* out of memory */
    r->parser = p;
    /* Deferral would hold a finished element back until more bytes come. */
    (void)XML_SetReparseDeferralEnabled(p, XML_FALSE);
    if (r->hash_salt)
        (void)XML_SetHashSalt(p, r->hash_salt);
    XML_SetUserData(p, r);
    XML_SetElementHandler(p, reader_started, reader_ended);
    XML_SetCharacterDataHandler(p, reader_characters);
    XML_SetStartCdataSectionHandler(p, reader_cdata);
    XML_SetStartNamespaceDeclHandler(p, reader_declared_ns);
    XML_SetXmlDeclHandler(p, reader_declared);
    XML_SetStartDoctypeDeclHandler(p, reader_doctype);
    XML_SetProcessingInstructionHandler(p, reader_instruction);
    XML_SetCommentHandler(p, reader_comment);

    r->depth = 0;
    r->declared = 0;
    if (r->is_opened) {
        r->is_replaying = true;
        const enum XML_Status status =
            XML_Parse(p, r->header.data, (int)r->header.size, XML_FALSE);
        assert(status == XML_STATUS_OK); /* it was the first time */
        (void)status;
        r->is_replaying = false;
    }
    r->taken = r->boundary;
    r->base = (XML_Index)r->header.size - (XML_Index)r->boundary;
}

/* Forgets a half-read element; its bytes are still in input. */
static void element_forget(struct xml_reader *r)
{
    r->open = NULL;
    r->taken = r->boundary;
    r->depth = r->is_opened ? 1 : 0;
    strbuf_clear(&r->text);
    if (r->arena == &r->own_arena)
        arena_reset(r->arena);
}

static void input_compact(struct xml_reader *r)
{
    if (r->boundary == 0)
        return;
    strbuf_consume(&r->input, r->boundary);
    r->base += (XML_Index)r->boundary;
    r->taken -= r->boundary;
    r->element_start -= r->element_start < r->boundary ? r->element_start : r->boundary;
    r->boundary = 0;
    if (r->input.size == 0 && r->input.capacity > READER_KEPT_INPUT)
        strbuf_done(&r->input);
}

/* Before the parser sees them: it would take UTF-16 for an encoding (with or without a
 * mark), and a mark in UTF-8 is no whitespace (RFC 6120, 11.6). */
static void first_bytes_check(struct xml_reader *r)
{
    if (r->is_opened || r->input.size == 0)
        return;
    const unsigned char first = (unsigned char)r->input.data[0];
    if (first == 0xFE || first == 0xFF || !first || (r->input.size > 1 && !r->input.data[1]))
        event_fail(r, XML_READER_BAD_ENCODING, "only UTF-8 is spoken here");
    else if (!strchr("< \t\r\n", first))
        event_fail(r, XML_READER_NOT_WELL_FORMED, "not XML");
}

/* Before a stream begins: what follows the last element of the former one (a line feed
 * behind <auth/>, say) still belongs to that, and no XML declaration may stand behind it. */
static void leading_space_drop(struct xml_reader *r)
{
    if (r->is_opened || r->taken > 0 || r->input.size == 0)
        return;
    strbuf_consume(&r->input, strspn(r->input.data, " \t\r\n"));
}

void xml_reader_feed(struct xml_reader *r, struct span bytes)
{
    if (r->is_done)
        return;
    input_compact(r);
    strbuf_add(&r->input, bytes);
    leading_space_drop(r);
    first_bytes_check(r);
}

static enum xml_reader_error expat_error(enum XML_Error code)
{
    return code == XML_ERROR_UNBOUND_PREFIX ? XML_READER_BAD_PREFIX
                                            : XML_READER_NOT_WELL_FORMED;
}

/* All of input was parsed without an event: is it still within the limits? */
static void unfinished_check(struct xml_reader *r)
{
    const size_t position = (size_t)(XML_GetCurrentByteIndex(r->parser) - r->base);
    if (!r->open && r->is_opened)
        r->boundary = position; /* whitespace */
    if (r->taken - position > r->limits.tag_size)
        event_fail(r, XML_READER_TOO_BIG, "a tag is too long");
    else if (!r->is_opened && r->taken > r->limits.tag_size)
        event_fail(r, XML_READER_TOO_BIG, "the stream header is too long");
    else if (r->open && r->taken - r->element_start > r->limits.element_size)
        event_fail(r, XML_READER_TOO_BIG, "an element is too long");
}

static void event_settle(struct xml_reader *r)
{
    r->is_suspended = true;
    const size_t end = (size_t)(XML_GetCurrentByteIndex(r->parser) +
                                XML_GetCurrentByteCount(r->parser) - r->base);
    r->boundary = end;
    switch (r->event.kind) {
    case XML_READER_OPENED:
        if (end > r->limits.tag_size) {
            event_fail(r, XML_READER_TOO_BIG, "the stream header is too long");
            break;
        }
        r->is_opened = true;
        strbuf_add(&r->header, span_of(r->input.data, end));
        break;
    case XML_READER_ELEMENT:
        r->event.size = end - r->element_start;
        if (r->event.size > r->limits.element_size)
            event_fail(r, XML_READER_TOO_BIG, "an element is too long");
        break;
    case XML_READER_CLOSED:
    case XML_READER_FAILED:
        r->is_done = true;
        break;
    }
}

/* One call of the parser. */
static void reader_turn(struct xml_reader *r)
{
    enum XML_Status status;
    if (r->is_suspended) {
        r->is_suspended = false;
        status = XML_ResumeParser(r->parser);
    } else {
        const struct span rest =
            span_first(span_from(strbuf_span(&r->input), r->taken), READER_PIECE);
        r->taken += rest.size;
        status = XML_Parse(r->parser, rest.ptr, (int)rest.size, XML_FALSE);
    }
    switch (status) {
    case XML_STATUS_OK:
        unfinished_check(r);
        break;
    case XML_STATUS_SUSPENDED:
        event_settle(r);
        break;
    case XML_STATUS_ERROR:
        if (!r->is_done) {
            const enum XML_Error code = XML_GetErrorCode(r->parser);
            event_fail(r, expat_error(code), XML_ErrorString(code));
        }
        break;
    }
}

static bool has_work(const struct xml_reader *r)
{
    return r->is_suspended || (r->parser ? r->taken : r->boundary) < r->input.size;
}

static void event_hand_out(struct xml_reader *r, struct xml_reader_event *ret_event)
{
    *ret_event = r->event;
    r->event = (struct xml_reader_event){0};
    r->has_event = false;
    r->is_event_out = true;
    if (r->is_root_empty) {
        r->is_root_empty = false;
        r->is_done = true;
        r->event.kind = XML_READER_CLOSED;
        r->event.arena = r->arena;
        r->has_event = true;
    }
}

int xml_reader_next(struct xml_reader *r, struct xml_reader_event *ret_event)
{
    if (r->is_event_out) {
        r->is_event_out = false;
        if (r->arena == &r->own_arena)
            arena_reset(r->arena);
        /* Between two elements: a good moment to give the name tables back. */
        if (r->parser && r->is_opened && !r->is_done &&
            (size_t)XML_GetCurrentByteIndex(r->parser) - r->header.size > r->limits.renew_size)
            parser_drop(r);
    }
    while (!r->has_event && !r->is_done && has_work(r)) {
        if (!r->parser)
            parser_make(r);
        reader_turn(r);
    }
    if (r->is_done) {
        parser_drop(r);
        r->boundary = r->input.size;
    }
    if (!r->has_event)
        return 0;
    event_hand_out(r, ret_event);
    return 1;
}

size_t xml_reader_unread(const struct xml_reader *r)
{
    return r->input.size - r->boundary;
}

void xml_reader_restart(struct xml_reader *r, bool keeps_unread)
{
    parser_drop(r);
    if (!keeps_unread || r->is_done)
        r->boundary = r->input.size;
    r->is_opened = r->is_done = r->has_event = r->is_event_out = r->is_root_empty = false;
    element_forget(r);
    strbuf_done(&r->header);
    input_compact(r);
    r->event = (struct xml_reader_event){0};
    leading_space_drop(r);
    first_bytes_check(r);
}

void xml_reader_park(struct xml_reader *r)
{
    if (r->has_event || r->is_done)
        return;
    parser_drop(r);
    r->is_event_out = false;
    element_forget(r);
    input_compact(r);
    if (r->input.size == 0)
        strbuf_done(&r->input);
    strbuf_done(&r->text);
    arena_done(&r->own_arena);
}

bool xml_reader_is_parked(const struct xml_reader *r)
{
    return !r->parser;
}

int xml_reader_fragment(struct span bytes, struct span default_ns,
                        const struct xml_reader_limits *limits, struct arena *arena,
                        struct xml_node **ret_parent)
{
    CLEANUP(strbuf_done) struct strbuf wrapped = {0};
    strbuf_add_text(&wrapped, "<p");
    xml_writer_attr(&wrapped, "xmlns", default_ns);
    strbuf_add_text(&wrapped, ">");
    strbuf_add(&wrapped, bytes);
    strbuf_add_text(&wrapped, "</p>");

    struct xml_reader_limits wider = *limits;
    wider.element_size += wrapped.size - bytes.size;
    wider.depth += 2;
    CLEANUP(reader_release) struct xml_reader *r = xml_reader_new(&wider, 0);
    r->arena = arena;
    xml_reader_feed(r, SPAN("<x>"));
    xml_reader_feed(r, strbuf_span(&wrapped));

    struct xml_reader_event event = {0};
    const bool is_whole = xml_reader_next(r, &event) == 1 && event.kind == XML_READER_OPENED &&
                          xml_reader_next(r, &event) == 1;
    if (!is_whole)
        return ERR_PROTOCOL;
    if (event.kind == XML_READER_FAILED && event.error == XML_READER_TOO_BIG)
        return ERR_TOO_BIG;
    /* An end tag of ours inside the bytes would leave something behind. */
    if (event.kind != XML_READER_ELEMENT || xml_reader_unread(r) > 0)
        return ERR_PROTOCOL;
    event.node->name = SPAN("");
    *ret_parent = event.node;
    return 0;
}
