/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/utf8char.h"

struct character_case {
    const char *name;
    struct span bytes;
    size_t size; /* 0: not well-formed */
    uint32_t character;
};

static const struct character_case cases[] = {
    {"nothing", {"", 0}, 0, 0},
    {"NUL", {"\0", 1}, 1, 0},
    {"ASCII", {"az", 2}, 1, 'a'},
    {"last of one byte", {"\x7f", 1}, 1, 0x7f},
    {"continuation alone", {"\x80", 1}, 0, 0},
    {"first of two bytes", {"\xc2\x80", 2}, 2, 0x80},
    {"overlong of two", {"\xc1\xbf", 2}, 0, 0},
    {"two cut short", {"\xc2", 1}, 0, 0},
    {"two without continuation", {"\xc2z", 2}, 0, 0},
    {"first of three bytes", {"\xe0\xa0\x80", 3}, 3, 0x800},
    {"overlong of three", {"\xe0\x9f\xbf", 3}, 0, 0},
    {"before the surrogates", {"\xed\x9f\xbf", 3}, 3, 0xd7ff},
    {"first surrogate", {"\xed\xa0\x80", 3}, 0, 0},
    {"last surrogate", {"\xed\xbf\xbf", 3}, 0, 0},
    {"behind the surrogates", {"\xee\x80\x80", 3}, 3, 0xe000},
    {"three cut short", {"\xe0\xa0", 2}, 0, 0},
    {"first of four bytes", {"\xf0\x90\x80\x80", 4}, 4, 0x10000},
    {"overlong of four", {"\xf0\x8f\xbf\xbf", 4}, 0, 0},
    {"last of all", {"\xf4\x8f\xbf\xbf", 4}, 4, 0x10ffff},
    {"beyond the last", {"\xf4\x90\x80\x80", 4}, 0, 0},
    {"five bytes", {"\xf8\x88\x80\x80\x80", 5}, 0, 0},
    {"byte that never occurs", {"\xff", 1}, 0, 0},
};

static void character_is(void **state)
{
    const struct character_case *c = *state;
    uint32_t character = 0;
    assert_int_equal(utf8char_size(c->bytes, &character), c->size);
    assert_int_equal(character, c->character);
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = character_is,
                                      .initial_state = (void *)&cases[i]};
    return cmocka_run_group_tests(rows, NULL, NULL);
}
