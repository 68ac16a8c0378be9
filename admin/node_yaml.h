/* SPDX-License-Identifier: Apache-2.0 */
/* YAML into a settings table, with every fault of the file told at once and its place.
 *
 * libyaml's events are read directly (libcyaml stops at the first fault and places unknown
 * keys at the value before them). Mappings nest as the dots of the keys do; one key may be
 * a list. Refused: unknown and repeated keys, aliases and tags, an empty file, a second
 * document, numbers with a leading zero, which other readers take for octal.
 *
 * Pure. */
#pragma once

#include <stddef.h>

#include "base/settings.h"
#include "base/span.h"
#include "base/strbuf.h"

enum { NODE_YAML_KEYS_MAX = 64, NODE_YAML_NAME_MAX = 128, NODE_YAML_DEPTH_MAX = 8 };

struct node_yaml {
    const struct settings_table *table; /* at most NODE_YAML_KEYS_MAX keys */
    void *values;                       /* filled with defaults */
    const char *list_key;               /* the one key whose value is a list of texts */
    /* Both return NULL, or what is wrong ("is not an IP address"). arg is values. */
    const char *(*add_item)(void *values, struct span text);
    const char *(*judge)(void *values, const char *key, const char *value);
    const char *const *required; /* ends with NULL */
    size_t faults_max;
};

/* Returns 0, or ERR_INVALID with the faults added as lines. */
int node_yaml_read(const struct node_yaml *schema, const char *file, struct span text,
                   struct strbuf *ret_faults);
