/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_settings.h"

#include "replication/read.h"

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};

static const struct settings_key keys[] = {
    SETTINGS_DURATION(struct admin_settings, resume_window_ms, "xmpp.resume_window", "5m",
                      "30s", "1h", "How long a client that lost its connection can resume."),
    SETTINGS_SIZE(struct admin_settings, stanza_max, "xmpp.stanza_max", "256KiB", "10000",
                  "1MiB", "Largest stanza of a client that has signed in."),
    SETTINGS_SIZE(struct admin_settings, stanza_max_unauthenticated,
                  "xmpp.stanza_max_unauthenticated", "10000", "10000", "64KiB",
                  "Largest stanza before sign-in."),
    SETTINGS_SIZE(struct admin_settings, rate, "xmpp.rate", "64KiB", "1KiB", "1GiB",
                  "Bytes a second that a client may send for long; then it is read slower."),
    SETTINGS_SIZE(struct admin_settings, burst, "xmpp.burst", "1MiB", "64KiB", "1GiB",
                  "Bytes that a client may send at once before xmpp.rate holds."),
    SETTINGS_U32(struct admin_settings, resources_max, "xmpp.resources_max", "20", "1", "1000",
                 "Sessions of one user; over it the oldest ends."),
    SETTINGS_U32(struct admin_settings, roster_max, "roster.max", "2000", "1", "100000",
                 "Contacts of one user."),
    SETTINGS_U32(struct admin_settings, block_max, "block.max", "1000", "1", "100000",
                 "Addresses that one user may block."),
    SETTINGS_U32(struct admin_settings, inbox_max, "inbox.max", "10000", "1", "1000000",
                 "Messages that may wait for one user."),
    SETTINGS_U32(struct admin_settings, archive_days, "archive.days", "0", "0", "36500",
                 "Days a message stays in the archives; 0 keeps it for ever."),
    SETTINGS_U32(struct admin_settings, auth_iterations, "auth.iterations", "10000", "4096",
                 "1000000", "PBKDF2 rounds of passwords set from now on."),
    SETTINGS_BOOL(struct admin_settings, auth_plain, "auth.plain", "true",
                  "Whether clients may sign in with PLAIN, inside TLS."),
    SETTINGS_TEXT(
        struct admin_settings, auth_trusted_networks, "auth.trusted_networks", "",
        "Networks behind one address (NAT, balancers), free of the limits per address; "
        "separated by spaces or commas."),
    SETTINGS_CHOICE(struct admin_settings, log_level, "log.level", "info", levels,
                    "What every node logs unless `log set` said otherwise."),
};

const struct settings_table admin_settings_table = {
    .keys = keys,
    .key_count = sizeof(keys) / sizeof(keys[0]),
};

void admin_settings_reset(struct admin_settings *s)
{
    *s = (struct admin_settings){0};
    settings_reset(&admin_settings_table, s);
}

static bool admin_settings_row(struct span name, const Store__SettingRow *row, void *arg)
{
    struct strbuf why = {0};
    (void)settings_set(&admin_settings_table, arg, name, span_text(row->value), &why);
    strbuf_done(&why);
    return true;
}

enum log_level admin_settings_log_level(const struct statedb_view *view,
                                        enum log_level standard)
{
    Store__SettingRow *row = NULL;
    enum log_level level = standard;
    if (read_setting(view, "log.level", &row) == 1)
        (void)log_level_parse(span_text(row->value), &level);
    if (row)
        store__setting_row__free_unpacked(row, NULL);
    return level;
}

int admin_settings_load(struct admin_settings *s, const struct statedb_view *view)
{
    admin_settings_reset(s);
    return read_settings(view, admin_settings_row, s);
}
