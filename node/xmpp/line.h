/* SPDX-License-Identifier: Apache-2.0 */
/* The line between a client's connection and its session.
 *
 * The connection (the lower end) stays on the worker that accepted it; the session (the
 * upper end) lives on the worker that owns its user. Stanzas go up together with the arena
 * that holds them, bytes come down. Both directions keep their order, also when both ends
 * stand on one thread: nothing is ever delivered from inside the call that sent it.
 *
 * Life: the lower end makes the line and hands it to the upper loop in a message, whose
 * delivery joins the upper end before anything that follows can arrive. Whoever ends
 * first, the lower end says line_gone() when its socket is closed, as its last word; the
 * upper end answers line_release(), as its last word; then the lower end gets released()
 * and the line is freed. So neither end ever calls into a freed one.
 *
 * Threads: functions under "lower" on the connection's loop, "upper" on the session's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"

struct line; /* opaque */
struct loop;
struct xml_node;

enum line_answer_kind { LINE_BOUND, LINE_BIND_REFUSED, LINE_RESUMED, LINE_RESUME_REFUSED };

/* The session's answer to a request to bind or resume. */
struct line_answer {
    enum line_answer_kind kind;
    int condition;       /* of a refusal: enum stanza_error_condition */
    bool has_h;          /* of LINE_RESUME_REFUSED: h is known all the same */
    uint32_t h;          /* of LINE_RESUMED, and as above */
    struct span address; /* of the session, where there is one; borrowed */
};

/* What the connection fills in. Called on its loop. */
struct line_lower {
    void (*answered)(void *arg, const struct line_answer *answer);
    /* Bytes to send, borrowed. seq names the last stanza in them; 0 for none. */
    void (*write)(void *arg, uint64_t seq, struct span bytes);
    void (*pause)(void *arg, bool is_paused);  /* stop or go on reading stanzas */
    void (*shut)(void *arg, struct span last); /* send this, end the stream, close */
    void (*released)(void *arg);               /* after line_gone(); the line is no more */
};

/* What the session fills in. Called on its loop. */
struct line_upper {
    /* The client wants a resource (empty: any) or its old session back; answer each with
     * line_answer(). Spans are borrowed. */
    void (*bind)(void *arg, struct span resource);
    void (*resume)(void *arg, struct span previd, uint32_t h);
    /* One element at depth 1. *arena, which holds it, now belongs to the callee. */
    void (*stanza)(void *arg, struct arena *arena, struct xml_node *node);
    void (*drained)(void *arg, uint64_t seq); /* the peer's TCP has all up to seq */
    void (*gone)(void *arg, bool is_orderly); /* the connection ended; answer release */
};

/* ---- Lower ---- */
/* Makes a line from the lower loop to the upper one. */
struct line *line_new(struct loop *lower_loop, const struct line_lower *lower, void *lower_arg,
                      struct loop *upper_loop);

/* Frees a line that was never handed up. */
void line_free(struct line *line);

/* Asks the session to bind or resume; one question at a time. */
void line_bind(struct line *line, struct span resource);
void line_resume(struct line *line, struct span previd, uint32_t h);

/* Hands a stanza up and takes the arena over (*arena is empty afterwards). Returns 0; or
 * ERR_FULL, and the caller still has both: stop reading and try again. */
int line_stanza(struct line *line, struct arena *arena, struct xml_node *node);
void line_drained(struct line *line, uint64_t seq);
void line_gone(struct line *line, bool is_orderly);

/* ---- Upper. None of these fails: what they send is bounded by the session's limits. ---- */
/* First of all, on the delivery that brings the line. */
void line_join(struct line *line, const struct line_upper *upper, void *upper_arg);
void line_answer(struct line *line, const struct line_answer *answer);
void line_write(struct line *line, uint64_t seq, struct span bytes);
void line_pause(struct line *line, bool is_paused);
void line_shut(struct line *line, struct span last);
void line_release(struct line *line);
