/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/line.h"

#include "base/loop.h"
#include "base/mailbox.h"
#include "base/mem.h"

struct line {
    struct loop *lower_loop;
    const struct line_lower *lower;
    void *lower_arg;

    struct loop *upper_loop;
    const struct line_upper *upper; /* of the upper thread, like the next one */
    void *upper_arg;
};

enum line_word {
    LINE_BIND,
    LINE_RESUME,
    LINE_STANZA,
    LINE_DRAINED,
    LINE_GONE, /* the last one upwards */
    LINE_ANSWER,
    LINE_WRITE,
    LINE_PAUSE,
    LINE_SHUT,
    LINE_RELEASE,
};

struct line_item {
    struct message message; /* must stay first */
    struct line *line;
    enum line_word word;
    bool flag;
    uint64_t seq; /* of LINE_RESUME: h */
    struct line_answer answer;
    struct arena arena; /* of LINE_STANZA */
    struct xml_node *node;
    size_t size;
    char bytes[]; /* resource, previd, address, or what to write */
};

static void item_discard(struct message *message)
{
    struct line_item *item = (struct line_item *)message;
    arena_done(&item->arena);
    free(item);
}

static void item_arrived_up(struct message *message, void *owner)
{
    struct line_item *item = (struct line_item *)message;
    const struct line *line = item->line;
    const struct span bytes = span_of(item->bytes, item->size);
    (void)owner;

    if (item->word == LINE_STANZA)
        line->upper->stanza(line->upper_arg, &item->arena, item->node);
    else if (item->word == LINE_BIND)
        line->upper->bind(line->upper_arg, bytes);
    else if (item->word == LINE_RESUME)
        line->upper->resume(line->upper_arg, bytes, (uint32_t)item->seq);
    else if (item->word == LINE_DRAINED)
        line->upper->drained(line->upper_arg, item->seq);
    else
        line->upper->gone(line->upper_arg, item->flag);
    item_discard(message);
}

static void item_arrived_down(struct message *message, void *owner)
{
    struct line_item *item = (struct line_item *)message;
    struct line *line = item->line;
    const struct span bytes = span_of(item->bytes, item->size);
    (void)owner;

    if (item->word == LINE_ANSWER) {
        item->answer.address = bytes;
        line->lower->answered(line->lower_arg, &item->answer);
    } else if (item->word == LINE_WRITE) {
        line->lower->write(line->lower_arg, item->seq, bytes);
    } else if (item->word == LINE_PAUSE) {
        line->lower->pause(line->lower_arg, item->flag);
    } else if (item->word == LINE_SHUT) {
        line->lower->shut(line->lower_arg, bytes);
    } else {
        line->lower->released(line->lower_arg);
        free(line);
    }
    item_discard(message);
}

static struct line_item *line_item_new(struct line *line, enum line_word word,
                                       struct span bytes)
{
    struct line_item *item = mem_resized(NULL, sizeof(*item) + bytes.size, 1);
    *item = (struct line_item){.line = line, .word = word, .size = bytes.size};
    item->message.deliver = word <= LINE_GONE ? item_arrived_up : item_arrived_down;
    item->message.discard = item_discard;
    if (bytes.size)
        memcpy(item->bytes, bytes.ptr, bytes.size);
    return item;
}

struct line *line_new(struct loop *lower_loop, const struct line_lower *lower, void *lower_arg,
                      struct loop *upper_loop)
{
    struct line *line = mem_zeroed(1, sizeof(*line));
    *line = (struct line){.lower_loop = lower_loop,
                          .lower = lower,
                          .lower_arg = lower_arg,
                          .upper_loop = upper_loop};
    return line;
}

void line_free(struct line *line)
{
    free(line);
}

void line_join(struct line *line, const struct line_upper *upper, void *upper_arg)
{
    line->upper = upper;
    line->upper_arg = upper_arg;
}

int line_stanza(struct line *line, struct arena *arena, struct xml_node *node)
{
    struct line_item *item = line_item_new(line, LINE_STANZA, SPAN_NONE);
    item->arena = *arena;
    item->node = node;

    const int rc = loop_post(line->upper_loop, &item->message);
    if (rc < 0) {
        free(item); /* the arena is still the caller's */
        return rc;
    }
    *arena = (struct arena){0};
    return 0;
}

/* Sends an item up, past the mailbox's limit: at most one of its kind is under way. */
static void line_tell_upper(struct line *line, enum line_word word, bool flag, uint64_t seq,
                            struct span bytes)
{
    struct line_item *item = line_item_new(line, word, bytes);
    item->flag = flag;
    item->seq = seq;
    loop_reply(line->upper_loop, &item->message);
}

void line_bind(struct line *line, struct span resource)
{
    line_tell_upper(line, LINE_BIND, false, 0, resource);
}

void line_resume(struct line *line, struct span previd, uint32_t h)
{
    line_tell_upper(line, LINE_RESUME, false, h, previd);
}

void line_drained(struct line *line, uint64_t seq)
{
    line_tell_upper(line, LINE_DRAINED, false, seq, SPAN_NONE);
}

void line_gone(struct line *line, bool is_orderly)
{
    line_tell_upper(line, LINE_GONE, is_orderly, 0, SPAN_NONE);
}

void line_answer(struct line *line, const struct line_answer *answer)
{
    struct line_item *item = line_item_new(line, LINE_ANSWER, answer->address);
    item->answer = *answer;
    loop_reply(line->lower_loop, &item->message);
}

static void line_tell_lower(struct line *line, enum line_word word, bool flag, uint64_t seq,
                            struct span bytes)
{
    struct line_item *item = line_item_new(line, word, bytes);
    item->flag = flag;
    item->seq = seq;
    loop_reply(line->lower_loop, &item->message);
}

void line_write(struct line *line, uint64_t seq, struct span bytes)
{
    line_tell_lower(line, LINE_WRITE, false, seq, bytes);
}

void line_pause(struct line *line, bool is_paused)
{
    line_tell_lower(line, LINE_PAUSE, is_paused, 0, SPAN_NONE);
}

void line_shut(struct line *line, struct span last)
{
    line_tell_lower(line, LINE_SHUT, false, 0, last);
}

void line_release(struct line *line)
{
    line_tell_lower(line, LINE_RELEASE, false, 0, SPAN_NONE);
}
