/* SPDX-License-Identifier: Apache-2.0 */
#include "base/scratchbio.h"

#include <pthread.h>

#include "base/mem.h"

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* written once, before its first use */

static int scratch_read(BIO *bio, char *buffer, size_t size, size_t *ret_size)
{
    struct scratchbio *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (s->input.size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    const struct span part = span_first(s->input, size);
    memcpy(buffer, part.ptr, part.size);
    s->input = span_from(s->input, part.size);
    *ret_size = part.size;
    return 1;
}

static int scratch_write(BIO *bio, const char *bytes, size_t size, size_t *ret_size)
{
    struct scratchbio *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    strbuf_add(&s->output, span_of(bytes, size));
    *ret_size = size;
    return 1;
}

static long scratch_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int scratch_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "scratch");
    if (!method)
        abort(); /* out of memory */
    (void)BIO_meth_set_read_ex(method, scratch_read);
    (void)BIO_meth_set_write_ex(method, scratch_write);
    (void)BIO_meth_set_ctrl(method, scratch_ctrl);
    (void)BIO_meth_set_create(method, scratch_create);
}

static void scratch_released(void *scratch)
{
    struct scratchbio *s = scratch;
    strbuf_done(&s->output);
    free(s);
}

struct scratchbio *scratchbio_of(struct loop *loop)
{
    if (!loop_scratch(loop))
        loop_set_scratch(loop, mem_zeroed(1, sizeof(struct scratchbio)), scratch_released);
    return loop_scratch(loop);
}

BIO *scratchbio_new(struct scratchbio *scratch)
{
    (void)pthread_once(&method_once, make_method);
    BIO *bio = BIO_new(method);
    if (!bio)
        abort(); /* out of memory */
    BIO_set_data(bio, scratch);
    return bio;
}

void scratchbio_clear(struct scratchbio *s)
{
    if (s->output.capacity > SCRATCHBIO_KEEP_SIZE)
        strbuf_done(&s->output);
    else
        strbuf_clear(&s->output);
}
