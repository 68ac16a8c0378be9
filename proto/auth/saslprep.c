/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/saslprep.h"

#include <openssl/crypto.h>
#include <stringprep.h>

#include "base/err.h"
#include "base/utf8.h"

/* Printable ASCII is its own preparation. */
static bool is_prepared_password(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

int saslprep_apply(struct span text, struct saslprep_text *ret_text)
{
    if (text.size == 0)
        return ERR_INVALID;
    if (text.size > SASLPREP_MAX)
        return ERR_TOO_BIG;
    if (memchr(text.ptr, 0, text.size) || !utf8_is_valid(text))
        return ERR_INVALID;
    struct saslprep_text made = {.size = text.size};
    memcpy(made.bytes, text.ptr, text.size);
    int rc = 0;
    if (!is_prepared_password(text)) {
        const int failure = stringprep(made.bytes, sizeof(made.bytes), 0, stringprep_saslprep);
        made.size = strlen(made.bytes);
        if (failure == STRINGPREP_TOO_SMALL_BUFFER)
            rc = ERR_TOO_BIG;
        else if (failure != STRINGPREP_OK || made.size == 0)
            rc = ERR_INVALID;
    }
    if (rc == 0)
        *ret_text = made;
    OPENSSL_cleanse(&made, sizeof(made));
    return rc;
}
