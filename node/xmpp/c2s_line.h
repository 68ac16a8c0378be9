/* SPDX-License-Identifier: Apache-2.0 */
/* A client connection's end of the line to its session (node/xmpp/line.h): questions and
 * stanzas up, bytes down.
 *
 * Threads: the connection's loop. */
#pragma once

#include "proto/xml/xml_reader.h"
#include "proto/xmpp/xmpp_stream.h"

struct c2s;
struct wheel_timer;

/* XMPP_STREAM_BIND or XMPP_STREAM_RESUME: the session answers. Lays the line first. */
void c2s_line_ask(struct c2s *c, enum xmpp_stream_action action);

/* Hands a stanza up; holds the reading when the session's mailbox is full. */
void c2s_line_hand_up(struct c2s *c, const struct xml_reader_event *event);

/* Tells the session how far the peer's TCP has come; looks again until it has it all. */
void c2s_line_look_drained(struct c2s *c);

/* The drain timer of a connection. */
void c2s_line_drain_due(struct wheel_timer *timer, void *arg);
