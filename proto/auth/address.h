/* SPDX-License-Identifier: Apache-2.0 */
/* Address: local@domain/resource, prepared so that equal names are equal bytes.
 *
 * A prepared address is one run of bytes, "local@domain/resource", in storage that the caller
 * provides; its parts are spans into it. So the bare and the full form cost nothing, and two
 * addresses are the same person or resource exactly when their bytes are equal. The store
 * names a user by the bare form.
 *
 * Rules: RFC 6122 (Nodeprep, Nameprep with IDNA2003 and STD3 rules, Resourceprep; splitting
 * as RFC 7622, 3.1 words it). Each part has 1 to 1,023 bytes *after* preparation, for Unicode
 * mapping may enlarge a text elevenfold or delete all of it. Preparing a prepared address
 * gives the same bytes. A domain is a name (xn-- labels become Unicode, one final dot is
 * dropped), an IPv4 literal or an IPv6 literal in brackets. Plain ASCII, nearly every
 * address there is, takes a path without tables or allocation.
 *
 * Threads: any; no state. Errors: ERR_INVALID (malformed, empty part, forbidden character,
 * NUL, broken UTF-8), ERR_TOO_BIG. On failure storage is scratch and ret_ is untouched. */
#pragma once

#include <stdbool.h>

#include "base/span.h"

struct arena;
struct strbuf;

#define ADDRESS_PART_MAX 1023                       /* RFC 6122, 2.1: bytes a part */
#define ADDRESS_TEXT_MAX (3 * ADDRESS_PART_MAX + 2) /* parts, '@' and '/' */

/* Room for any prepared address. Do not copy: addresses point into it. */
struct address_text {
    char bytes[ADDRESS_TEXT_MAX + 1]; /* NUL-terminated after success */
};

/* Room for one prepared part. */
struct address_part {
    char bytes[ADDRESS_PART_MAX + 1];
};

/* Only as made by the functions below: the parts lie side by side in one text.
 * An absent local part or resource is SPAN_NONE. */
struct address {
    struct span local;
    struct span domain;
    struct span resource;
};

/* Splits and prepares. ret_address borrows from storage. */
int address_parse(struct span text, struct address_text *storage, struct address *ret_address);

/* The same into memory of the arena. */
int address_parse_in(struct span text, struct arena *arena, struct address *ret_address);

/* Prepares one part; *ret_part borrows from storage. */
int address_local(struct span text, struct address_part *storage, struct span *ret_part);
int address_domain(struct span text, struct address_part *storage, struct span *ret_part);
int address_resource(struct span text, struct address_part *storage, struct span *ret_part);

/* Puts prepared parts together; local and resource may be SPAN_NONE. Each part must be no
 * longer than ADDRESS_PART_MAX, and must not lie in storage. */
void address_join(struct span local, struct span domain, struct span resource,
                  struct address_text *storage, struct address *ret_address);

/* local@domain, or domain; borrowed from the address's text. */
struct span address_bare(const struct address *a);

/* The whole text; the same as the bare form when there is no resource. */
struct span address_full(const struct address *a);

/* Appends the whole text. */
void address_format(struct strbuf *out, const struct address *a);

static inline bool address_is_bare(const struct address *a)
{
    return span_is_none(a->resource);
}

/* Bare form, or domain part, of text that is known to be a prepared address; borrowed. */
struct span address_bare_of(struct span prepared);
struct span address_domain_of(struct span prepared);

/* Whether a new account may have this prepared local part: no code point that Unicode 3.2
 * does not assign (libidn's tables cannot prepare those for sure). Foreign addresses and
 * resources may have them. */
bool address_is_assigned(struct span local);
