/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <sys/stat.h>

#include "base/err.h"
#include "node/node_identity.h"
#include "tests/support/tempdir.h"

static void drawn_once_and_kept(void **state)
{
    (void)state;
    struct tempdir dir;
    struct strbuf why = {0};
    char data[128];
    struct stat st;
    uint64_t id = 0;
    uint64_t again = 0;
    tempdir_make(&dir);
    (void)snprintf(data, sizeof(data), "%s/data", dir.path);
    assert_int_equal(node_identity_load(data, &id, &why), 0);
    assert_true(id != 0);
    assert_int_equal(stat(data, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(node_identity_load(data, &again, &why), 0);
    assert_true(again == id);
    assert_int_equal(why.size, 0);
    tempdir_remove(&dir);
}

struct identity_case {
    const char *name;
    const char *text; /* of the file node-id */
    int expected;
    uint64_t id;
};

static const struct identity_case cases[] = {
    {"whole", "00000000000000ff\n", 0, 255},
    {"the largest", "ffffffffffffffff\n", 0, UINT64_MAX},
    {"empty", "", ERR_CORRUPT, 0},
    {"a digit short", "0000000000000ff\n", ERR_CORRUPT, 0},
    {"cut before the line feed", "00000000000000ff", ERR_CORRUPT, 0},
    {"a line feed early", "000000000000ff\n\n\n", ERR_CORRUPT, 0},
    {"blanks in front", "              ff\n", ERR_CORRUPT, 0},
    {"a prefix", "0x000000000000ff\n", ERR_CORRUPT, 0},
    {"zero", "0000000000000000\n", ERR_CORRUPT, 0},
};

static void reads_what_it_wrote_only(void **state)
{
    const struct identity_case *c = *state;
    struct tempdir dir;
    struct strbuf why = {0};
    char path[128];
    uint64_t id = 0;
    tempdir_make(&dir);
    (void)snprintf(path, sizeof(path), "%s/node-id", dir.path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(c->text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(node_identity_load(dir.path, &id, &why), c->expected);
    assert_true(id == c->id);
    assert_int_equal(why.size > 0, c->expected != 0);
    strbuf_done(&why);
    tempdir_remove(&dir);
}

int main(void)
{
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest tests[CASES + 1] = {cmocka_unit_test(drawn_once_and_kept)};
    for (size_t i = 0; i < CASES; i++)
        tests[i + 1] = (struct CMUnitTest){
            .name = cases[i].name,
            .test_func = reads_what_it_wrote_only,
            .initial_state = (void *)&cases[i],
        };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
