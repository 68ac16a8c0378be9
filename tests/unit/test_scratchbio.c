/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/scratchbio.h"

static void reads_input_and_writes_output(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    assert_int_equal(loop_new("scratch", 1, &loop), 0);
    struct scratchbio *s = scratchbio_of(loop);
    assert_ptr_equal(s, scratchbio_of(loop));
    BIO *bio = scratchbio_new(s);
    char buffer[8];
    size_t size = 0;

    assert_int_equal(BIO_read_ex(bio, buffer, sizeof(buffer), &size), 0);
    assert_true(BIO_should_retry(bio));
    s->input = SPAN("0123456789");
    assert_int_equal(BIO_read_ex(bio, buffer, sizeof(buffer), &size), 1);
    assert_int_equal(size, 8);
    assert_memory_equal(buffer, "01234567", 8);
    assert_int_equal(BIO_read_ex(bio, buffer, sizeof(buffer), &size), 1);
    assert_int_equal(size, 2);
    assert_int_equal(s->input.size, 0);

    assert_int_equal(BIO_write_ex(bio, "ab", 2, &size), 1);
    assert_int_equal(BIO_write_ex(bio, "cd", 2, &size), 1);
    assert_int_equal(BIO_flush(bio), 1);
    assert_true(span_is(strbuf_span(&s->output), "abcd"));
    scratchbio_clear(s);
    assert_int_equal(s->output.size, 0);
    assert_non_null(s->output.data);
    (void)strbuf_reserve(&s->output, SCRATCHBIO_KEEP_SIZE + 1);
    scratchbio_clear(s);
    assert_null(s->output.data);
    assert_int_equal(BIO_free(bio), 1);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_input_and_writes_output)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
