/* SPDX-License-Identifier: Apache-2.0 */
/* The user's own message archive (XEP-0313, urn:xmpp:mam:2 with #extended; XEP-0059).
 *
 * The id of a message is the log index of its commit, in decimal: the stanza-id that every
 * other way of seeing it shows. A client may come with one that this node has not applied
 * yet, from another node: a page would then have a hole, so the request is refused with
 * `wait`. An id that names no message of this archive is item-not-found.
 *
 * A page ends early when it holds IQ_ARCHIVE_PAGE_BYTES; it then says that more follows.
 *
 * Handlers of xmpp_iq.c; the user's worker. */
#pragma once

struct xml_node;
struct xmpp_iq;

enum {
    IQ_ARCHIVE_PAGE = 50,                  /* messages, when the client names no number */
    IQ_ARCHIVE_PAGE_MAX = 100,             /* messages, whatever number it names */
    IQ_ARCHIVE_PAGE_BYTES = 1024 * 1024,   /* of payload: well within what may be unsent */
    IQ_ARCHIVE_COUNT_MAX = 1000,           /* a page tells the size of a set up to here */
    IQ_ARCHIVE_COUNT_ASKED_MAX = 10 * 1000 /* the count itself was asked for (max = 0) */
};

/* `<query/>`: get is the form, set a page. A page that is not limited to one contact or to
 * some ids is a client catching up: session_archive_queried(). */
void iq_archive_query(struct xmpp_iq *iq, const struct xml_node *payload);

/* `<metadata/>`: the first and last message. */
void iq_archive_metadata(struct xmpp_iq *iq, const struct xml_node *payload);
