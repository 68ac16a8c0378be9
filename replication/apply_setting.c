/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply_setting.h"

#include "replication/apply.h"

enum { SETTING_NAME_MAX = 128, SETTING_VALUE_MAX = 64 * 1024 }; /* bytes */

void apply_setting_set(struct apply *a, const Store__SettingSet *c)
{
    const size_t name_size = strlen(c->name);
    if (name_size == 0 || name_size > SETTING_NAME_MAX ||
        strlen(c->value) > SETTING_VALUE_MAX) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }

    Store__SettingRow row = STORE__SETTING_ROW__INIT;
    row.value = c->value;
    keyspace_text(&a->key, a->group, span_text(c->name));
    if (c->value[0])
        apply_put(a, KEYSPACE_SETTINGS, &row.base);
    else
        apply_delete(a, KEYSPACE_SETTINGS);

    Store__FeedRow feed = STORE__FEED_ROW__INIT;
    feed.kind = STORE__FEED_ROW__KIND__SETTING;
    feed.contact = c->name;
    apply_feed(a, &feed);
}
