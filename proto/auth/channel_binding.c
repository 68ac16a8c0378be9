/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/channel_binding.h"

#include <openssl/evp.h>
#include <openssl/objects.h>

#include "base/err.h"

static const char *const channel_binding_names[CHANNEL_BINDING_TYPES] = {
    [CHANNEL_BINDING_TLS_EXPORTER] = "tls-exporter",
    [CHANNEL_BINDING_TLS_SERVER_END_POINT] = "tls-server-end-point",
};

const char *channel_binding_name(enum channel_binding_type type)
{
    return channel_binding_names[type];
}

enum channel_binding_type channel_binding_find(const struct channel_binding_set *set,
                                               struct span name)
{
    for (int type = CHANNEL_BINDING_NONE + 1; type < CHANNEL_BINDING_TYPES; type++)
        if (set->of[type].size && span_is(name, channel_binding_names[type]))
            return (enum channel_binding_type)type;
    return CHANNEL_BINDING_NONE;
}

bool channel_binding_is_empty(const struct channel_binding_set *set)
{
    for (int type = CHANNEL_BINDING_NONE + 1; type < CHANNEL_BINDING_TYPES; type++)
        if (set->of[type].size)
            return false;
    return true;
}

int channel_binding_put(struct channel_binding_set *set, enum channel_binding_type type,
                        struct span value)
{
    if (value.size == 0 || value.size > CHANNEL_BINDING_SIZE_MAX)
        return ERR_INVALID;
    memcpy(set->of[type].bytes, value.ptr, value.size);
    set->of[type].size = value.size;
    return 0;
}

int channel_binding_end_point(const X509 *certificate, struct channel_binding *ret_binding)
{
    int hash = NID_undef;
    if (!X509_get_signature_info((X509 *)certificate, &hash, NULL, NULL, NULL) ||
        hash == NID_undef)
        return ERR_NOT_FOUND;
    if (hash == NID_md5 || hash == NID_sha1 || hash == NID_md5_sha1)
        hash = NID_sha256;
    const EVP_MD *md = EVP_get_digestbynid(hash);
    if (!md || EVP_MD_get_size(md) > CHANNEL_BINDING_SIZE_MAX)
        return ERR_NOT_FOUND;
    struct channel_binding made = {0};
    unsigned size = 0;
    if (!X509_digest(certificate, md, made.bytes, &size))
        return ERR_NOT_FOUND;
    made.size = size;
    *ret_binding = made;
    return 0;
}
