/* SPDX-License-Identifier: Apache-2.0 */
/* SASL error conditions of XMPP (RFC 6120, 6.5): the one word a failed sign-in gets. */
#pragma once

enum sasl_condition {
    SASL_CONDITION_NONE, /* nothing failed */
    SASL_CONDITION_ABORTED,
    SASL_CONDITION_ACCOUNT_DISABLED,
    SASL_CONDITION_CREDENTIALS_EXPIRED,
    SASL_CONDITION_ENCRYPTION_REQUIRED,
    SASL_CONDITION_INCORRECT_ENCODING,
    SASL_CONDITION_INVALID_AUTHZID,
    SASL_CONDITION_INVALID_MECHANISM,
    SASL_CONDITION_MALFORMED_REQUEST,
    SASL_CONDITION_MECHANISM_TOO_WEAK,
    SASL_CONDITION_NOT_AUTHORIZED,
    SASL_CONDITION_TEMPORARY_AUTH_FAILURE,
};

/* The element's name, "not-authorized"; static memory, "" for SASL_CONDITION_NONE. */
static inline const char *sasl_condition_name(enum sasl_condition condition)
{
    static const char *const names[] = {
        [SASL_CONDITION_NONE] = "",
        [SASL_CONDITION_ABORTED] = "aborted",
        [SASL_CONDITION_ACCOUNT_DISABLED] = "account-disabled",
        [SASL_CONDITION_CREDENTIALS_EXPIRED] = "credentials-expired",
        [SASL_CONDITION_ENCRYPTION_REQUIRED] = "encryption-required",
        [SASL_CONDITION_INCORRECT_ENCODING] = "incorrect-encoding",
        [SASL_CONDITION_INVALID_AUTHZID] = "invalid-authzid",
        [SASL_CONDITION_INVALID_MECHANISM] = "invalid-mechanism",
        [SASL_CONDITION_MALFORMED_REQUEST] = "malformed-request",
        [SASL_CONDITION_MECHANISM_TOO_WEAK] = "mechanism-too-weak",
        [SASL_CONDITION_NOT_AUTHORIZED] = "not-authorized",
        [SASL_CONDITION_TEMPORARY_AUTH_FAILURE] = "temporary-auth-failure",
    };
    return names[condition];
}
