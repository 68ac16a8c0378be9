/* SPDX-License-Identifier: Apache-2.0 */
/* The store's numbers as a scrape sees them. */
#include "tests/support/unit.h"

#include <string.h>

#include "base/metric.h"
#include "replication/storemetrics.h"

static void what_is_noted_is_rendered(void **state)
{
    (void)state;
    struct storemetrics m;
    struct strbuf out = {0};

    storemetrics_init(&m);
    storemetrics_note(&m, STOREMETRICS_COMMITTED, 3);
    storemetrics_note(&m, STOREMETRICS_REFUSED, 1);
    storemetrics_took(m.commit_seconds, 1000000, 1250000);
    storemetrics_took(m.fsync_seconds, 5, 5);
    metric_render(&out, false);
    assert_non_null(
        strstr(out.data, "presenced_raft_proposals_total{result=\"committed\"} 3\n"));
    assert_non_null(strstr(out.data, "presenced_raft_proposals_total{result=\"refused\"} 1\n"));
    assert_non_null(strstr(out.data, "presenced_raft_proposals_total{result=\"unknown\"} 0\n"));
    assert_non_null(strstr(out.data, "presenced_raft_commit_seconds_sum 0.25\n"));
    assert_non_null(strstr(out.data, "presenced_raft_fsync_seconds_count 1\n"));
    strbuf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_noted_is_rendered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
