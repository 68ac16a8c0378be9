/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/disco.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/base64.h"
#include "proto/xmpp/xmpp_ns.h"

enum { DISCO_PARTS_MAX = 64 }; /* identities or features of one entity of ours */

static const struct disco_identity server_identities[] = {{"server", "im", "presenced"}};
/* MAM stands on the account (XEP-0313, 5.4.1), but profanity asks the server. */
static const char *const server_features[] = {
    XMPP_NS_DISCO_INFO, XMPP_NS_DISCO_ITEMS, XMPP_NS_VERSION,       XMPP_NS_PING,
    XMPP_NS_TIME,       XMPP_NS_CARBONS,     XMPP_NS_CARBONS_RULES, XMPP_NS_BLOCKING,
    XMPP_NS_PRIVACY,    XMPP_NS_ROSTER,      XMPP_NS_REGISTER,      XMPP_NS_MAM,
    "msgoffline",
};
const struct disco_entity disco_server = {
    server_identities,
    sizeof(server_identities) / sizeof(server_identities[0]),
    server_features,
    sizeof(server_features) / sizeof(server_features[0]),
};

static const struct disco_identity account_identities[] = {{"account", "registered", NULL}};
static const char *const account_features[] = {
    XMPP_NS_DISCO_INFO,   XMPP_NS_DISCO_ITEMS, XMPP_NS_PING,    XMPP_NS_MAM,
    XMPP_NS_MAM_EXTENDED, XMPP_NS_SID,         XMPP_NS_CARBONS,
};
const struct disco_entity disco_account = {
    account_identities,
    sizeof(account_identities) / sizeof(account_identities[0]),
    account_features,
    sizeof(account_features) / sizeof(account_features[0]),
};

static const char *const stranger_features[] = {XMPP_NS_DISCO_INFO, XMPP_NS_DISCO_ITEMS,
                                                XMPP_NS_PING};
const struct disco_entity disco_stranger = {
    account_identities,
    sizeof(account_identities) / sizeof(account_identities[0]),
    stranger_features,
    sizeof(stranger_features) / sizeof(stranger_features[0]),
};

enum disco_request disco_parse(const struct xml_node *payload, struct span *ret_node)
{
    *ret_node = xml_node_attr(payload, "node");
    if (xml_node_is(payload, "query", XMPP_NS_DISCO_INFO))
        return DISCO_INFO;
    return xml_node_is(payload, "query", XMPP_NS_DISCO_ITEMS) ? DISCO_ITEMS : DISCO_NONE;
}

struct xml_node *disco_info(struct arena *arena, const struct disco_entity *entity,
                            struct span node)
{
    struct xml_node *query = xml_node_new(arena, "query", XMPP_NS_DISCO_INFO);
    xml_node_set(arena, query, "node", node);
    for (size_t i = 0; i < entity->identity_count; i++) {
        const struct disco_identity *id = &entity->identities[i];
        struct xml_node *n = xml_node_add_new(arena, query, "identity", XMPP_NS_DISCO_INFO);
        xml_node_set(arena, n, "category", span_text(id->category));
        xml_node_set(arena, n, "type", span_text(id->type));
        xml_node_set(arena, n, "name", span_text(id->name));
    }
    for (size_t i = 0; i < entity->feature_count; i++)
        xml_node_set(arena, xml_node_add_new(arena, query, "feature", XMPP_NS_DISCO_INFO),
                     "var", span_text(entity->features[i]));
    return query;
}

struct xml_node *disco_items(struct arena *arena, struct span node)
{
    struct xml_node *query = xml_node_new(arena, "query", XMPP_NS_DISCO_ITEMS);
    xml_node_set(arena, query, "node", node);
    return query;
}

void disco_add_item(struct arena *arena, struct xml_node *query, struct span jid,
                    struct span name)
{
    struct xml_node *item = xml_node_add_new(arena, query, "item", XMPP_NS_DISCO_ITEMS);
    xml_node_set(arena, item, "jid", jid);
    xml_node_set(arena, item, "name", name);
}

static int text_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int identity_order(const void *a, const void *b)
{
    const struct disco_identity *x = a;
    const struct disco_identity *y = b;
    const int by_category = strcmp(x->category, y->category);
    return by_category ? by_category : strcmp(x->type, y->type);
}

void disco_caps_ver(const struct disco_entity *entity, struct strbuf *out)
{
    assert(entity->identity_count <= DISCO_PARTS_MAX &&
           entity->feature_count <= DISCO_PARTS_MAX);
    struct disco_identity identities[DISCO_PARTS_MAX];
    const char *features[DISCO_PARTS_MAX];
    memcpy(identities, entity->identities, entity->identity_count * sizeof(identities[0]));
    memcpy(features, entity->features, entity->feature_count * sizeof(features[0]));
    qsort(identities, entity->identity_count, sizeof(identities[0]), identity_order);
    qsort(features, entity->feature_count, sizeof(features[0]), text_order);

    struct strbuf text = {0};
    for (size_t i = 0; i < entity->identity_count; i++)
        strbuf_printf(&text, "%s/%s//%s<", identities[i].category, identities[i].type,
                      identities[i].name ? identities[i].name : "");
    for (size_t i = 0; i < entity->feature_count; i++)
        strbuf_printf(&text, "%s<", features[i]);

    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    if (EVP_Digest(strbuf_span(&text).ptr, text.size, digest, &digest_size, EVP_sha1(), NULL) !=
        1)
        abort(); /* out of memory */
    base64_encode(out, span_of(digest, digest_size));
    strbuf_done(&text);
}

bool disco_is_caps_node(struct span node, struct span ver)
{
    const struct span prefix = SPAN(DISCO_CAPS_NODE "#");
    return span_has_prefix(node, prefix) && span_equal(span_from(node, prefix.size), ver);
}
