/* SPDX-License-Identifier: Apache-2.0 */
/* Stanza errors: the conditions of RFC 6120, 8.3.3 with the type that goes with each. */
#pragma once

#include "proto/xml/xml_node.h"

struct stanza;

enum stanza_error_condition {
    STANZA_ERROR_BAD_REQUEST,
    STANZA_ERROR_CONFLICT,
    STANZA_ERROR_FEATURE_NOT_IMPLEMENTED,
    STANZA_ERROR_FORBIDDEN,
    STANZA_ERROR_GONE,
    STANZA_ERROR_INTERNAL_SERVER_ERROR,
    STANZA_ERROR_ITEM_NOT_FOUND,
    STANZA_ERROR_JID_MALFORMED,
    STANZA_ERROR_NOT_ACCEPTABLE,
    STANZA_ERROR_NOT_ALLOWED,
    STANZA_ERROR_NOT_AUTHORIZED,
    STANZA_ERROR_POLICY_VIOLATION,
    STANZA_ERROR_RECIPIENT_UNAVAILABLE,
    STANZA_ERROR_REDIRECT,
    STANZA_ERROR_REGISTRATION_REQUIRED,
    STANZA_ERROR_REMOTE_SERVER_NOT_FOUND,
    STANZA_ERROR_REMOTE_SERVER_TIMEOUT,
    STANZA_ERROR_RESOURCE_CONSTRAINT,
    STANZA_ERROR_SERVICE_UNAVAILABLE,
    STANZA_ERROR_SUBSCRIPTION_REQUIRED,
    STANZA_ERROR_UNDEFINED_CONDITION,
    STANZA_ERROR_UNEXPECTED_REQUEST,
    STANZA_ERROR_CONDITIONS
};

enum stanza_error_type {
    STANZA_ERROR_AUTH,
    STANZA_ERROR_CANCEL,
    STANZA_ERROR_CONTINUE,
    STANZA_ERROR_MODIFY,
    STANZA_ERROR_WAIT,
};

const char *stanza_error_name(enum stanza_error_condition condition);
/* Its usual type. */
enum stanza_error_type stanza_error_type_of(enum stanza_error_condition condition);
const char *stanza_error_type_name(enum stanza_error_type type);

/* `<error type='…'><condition/>[<text/>]</error>`; text may be NULL and is borrowed. */
struct xml_node *stanza_error_node(struct arena *arena, enum stanza_error_condition condition,
                                   const char *text);

/* The stanza that answers s with an error: same kind and id, from and to swapped. The
 * payload is not repeated. s must be one that stanza_may_answer(). */
struct xml_node *stanza_error_reply(struct arena *arena, const struct stanza *s,
                                    enum stanza_error_condition condition, const char *text);

/* Condition of an `<error/>` element; undefined-condition when none is known. */
enum stanza_error_condition stanza_error_parse(const struct xml_node *error);
