/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one XML stream: a root element whose children come one by one, for ever
 * (RFC 6120, 4 and 11; expat underneath).
 *
 * Bytes go in through xml_reader_feed(), events come out of xml_reader_next(), one at a
 * time: the reader stands still behind each event until it is asked again. So what a peer
 * sent behind an element is known (STARTTLS), and a caller that stops asking holds the
 * peer back. Whitespace between elements is ignored. Comments, processing instructions,
 * document types and entities are refused, as are all encodings but UTF-8.
 *
 * An idle reader is parked: the parser is freed, its header and the bytes of an unfinished
 * element are kept, and it is made again when bytes come. That also gives back the name
 * tables, which a parser never shrinks; besides, a parser is renewed between two elements
 * after `renew_size` bytes.
 *
 * Pure: no clock, no socket. Single-threaded. */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "proto/xml/xml_node.h"

struct xml_reader; /* opaque */

struct xml_reader_limits {
    size_t element_size;      /* bytes of one child of the root, tags included */
    size_t tag_size;          /* bytes of one tag, finished or not: costs are quadratic in it */
    size_t renew_size;        /* parser is renewed after so many bytes */
    unsigned depth;           /* nested elements, the root included */
    unsigned attribute_count; /* of one element */
    unsigned node_count;      /* of one child of the root */
};

/* What a public stream starts with: 10,000 bytes before sign-in, 16 KiB a tag, 64 deep,
 * 128 attributes, 16,384 nodes, renewed each 64 KiB. */
extern const struct xml_reader_limits xml_reader_limits_standard;

enum xml_reader_kind {
    XML_READER_OPENED,  /* node: the root, without children */
    XML_READER_ELEMENT, /* node: a whole child of the root */
    XML_READER_CLOSED,  /* end tag of the root; bytes behind it are dropped */
    XML_READER_FAILED,  /* error says why; nothing follows until a restart */
};

enum xml_reader_error {
    XML_READER_NOT_WELL_FORMED,
    XML_READER_BAD_PREFIX, /* a prefix without declaration */
    XML_READER_RESTRICTED, /* comment, PI, DOCTYPE, entity */
    XML_READER_BAD_ENCODING,
    XML_READER_BAD_FORMAT, /* text between elements, XML 1.1 */
    XML_READER_TOO_BIG,    /* one of the limits; why says which */
};

struct xml_reader_event {
    enum xml_reader_kind kind;
    enum xml_reader_error error;
    const char *why;        /* of FAILED: constant text */
    struct xml_node *node;  /* in the reader's arena, until the next xml_reader_next() */
    struct arena *arena;    /* that arena: the caller may build in it */
    struct span default_ns; /* of OPENED: xmlns='…' of the root, or empty */
    size_t size;            /* of ELEMENT: its bytes on the wire */
};

/* hash_salt: from the system's random source, against chosen names; 0: expat takes its
 * own. Limits are copied. */
struct xml_reader *xml_reader_new(const struct xml_reader_limits *limits,
                                  unsigned long hash_salt);
void xml_reader_free(struct xml_reader *r);

/* Changes the limits for what has not been parsed yet (after sign-in). */
void xml_reader_set_limits(struct xml_reader *r, const struct xml_reader_limits *limits);

/* Takes a copy of the bytes. After CLOSED or FAILED they are dropped. */
void xml_reader_feed(struct xml_reader *r, struct span bytes);

/* Returns 1 and the next event, or 0 when more bytes are needed. */
int xml_reader_next(struct xml_reader *r, struct xml_reader_event *ret_event);

/* Bytes that were fed and stand behind the last event (those of an unfinished element
 * included). */
size_t xml_reader_unread(const struct xml_reader *r);

/* Expects a new stream. The unread bytes are dropped, or kept as its beginning. Not to be
 * called while an event's node is in use. */
void xml_reader_restart(struct xml_reader *r, bool keeps_unread);

/* Frees what an idle stream does not need; a later feed brings it back. Harmless at any
 * time when no event's node is in use. */
void xml_reader_park(struct xml_reader *r);
bool xml_reader_is_parked(const struct xml_reader *r);

/* Parses a piece of content (elements and text, as xml_writer_children() writes it) inside
 * a nameless parent of namespace default_ns. Returns 0 and the parent in the arena;
 * ERR_PROTOCOL when it is not such content; ERR_TOO_BIG beyond a limit. */
int xml_reader_fragment(struct span bytes, struct span default_ns,
                        const struct xml_reader_limits *limits, struct arena *arena,
                        struct xml_node **ret_parent);
