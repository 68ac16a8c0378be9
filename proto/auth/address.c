/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <idna.h>
#include <stdint.h>
#include <stdlib.h>
#include <stringprep.h>
#include <strings.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"

/* A mapping that has not settled after this many rounds is refused: what the store keys by
 * must prepare to itself. No known text needs more than two. */
enum { ROUNDS_MAX = 4 };

enum { LABEL_MAX = 63 }; /* RFC 1035, 2.3.4 */

static char address_lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        byte = (char)(byte - 'A' + 'a');
    return byte;
}

/* What one ASCII byte becomes in a local part (0: Nodeprep forbids it; RFC 6122, A.5). */
static char local_byte(char byte)
{
    if (byte <= ' ' || byte > '~' || strchr("\"&'/:<>@", byte))
        return '\0';
    return address_lower(byte);
}

/* Resourceprep leaves printable ASCII alone, the space included (RFC 6122, B.5). */
static char resource_byte(char byte)
{
    if (byte < ' ' || byte > '~')
        return '\0';
    return byte;
}

static bool address_is_ascii(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.ptr[i] > 0x7f)
            return false;
    return true;
}

/* Copies ASCII through map into storage. */
static int ascii_part(struct span text, char (*map)(char), struct address_part *storage,
                      struct span *ret_part)
{
    if (text.size > ADDRESS_PART_MAX)
        return ERR_TOO_BIG;
    for (size_t i = 0; i < text.size; i++) {
        storage->bytes[i] = map(text.ptr[i]);
        if (!storage->bytes[i])
            return ERR_INVALID;
    }
    storage->bytes[text.size] = 0;
    *ret_part = span_of(storage->bytes, text.size);
    return 0;
}

/* Runs a stringprep profile over NUL-terminated text in place until it no longer changes it. */
static int address_settle(char *text, size_t capacity, const Stringprep_profile *profile)
{
    char before[ADDRESS_TEXT_MAX + 1];
    for (int round = 0; round < ROUNDS_MAX; round++) {
        const size_t size = strlen(text);
        assert(size < sizeof(before));
        memcpy(before, text, size + 1);
        const int rc = stringprep(text, capacity, 0, profile);
        if (rc == STRINGPREP_TOO_SMALL_BUFFER)
            return ERR_TOO_BIG;
        if (rc != STRINGPREP_OK)
            return ERR_INVALID;
        if (strcmp(text, before) == 0)
            return 0;
    }
    return ERR_INVALID;
}

/* Any text through a profile into a buffer of ADDRESS_TEXT_MAX + 1 bytes. */
static int address_prepare(struct span text, const Stringprep_profile *profile, char *scratch)
{
    if (text.size > ADDRESS_TEXT_MAX)
        return ERR_TOO_BIG;
    if (memchr(text.ptr, 0, text.size) || !utf8_is_valid(text)) /* libidn wants both */
        return ERR_INVALID;
    memcpy(scratch, text.ptr, text.size);
    scratch[text.size] = 0;
    return address_settle(scratch, ADDRESS_TEXT_MAX + 1, profile);
}

/* The length and emptiness that only the prepared text can show. */
static int address_keep(const char *prepared, struct address_part *storage,
                        struct span *ret_part)
{
    const size_t size = strlen(prepared);
    if (size == 0)
        return ERR_INVALID;
    if (size > ADDRESS_PART_MAX)
        return ERR_TOO_BIG;
    memcpy(storage->bytes, prepared, size + 1);
    *ret_part = span_of(storage->bytes, size);
    return 0;
}

int address_local(struct span text, struct address_part *storage, struct span *ret_part)
{
    if (text.size == 0)
        return ERR_INVALID;
    if (address_is_ascii(text))
        return ascii_part(text, local_byte, storage, ret_part);
    char scratch[ADDRESS_TEXT_MAX + 1];
    const int rc = address_prepare(text, stringprep_xmpp_nodeprep, scratch);
    return rc < 0 ? rc : address_keep(scratch, storage, ret_part);
}

int address_resource(struct span text, struct address_part *storage, struct span *ret_part)
{
    if (text.size == 0)
        return ERR_INVALID;
    if (address_is_ascii(text))
        return ascii_part(text, resource_byte, storage, ret_part);
    char scratch[ADDRESS_TEXT_MAX + 1];
    const int rc = address_prepare(text, stringprep_xmpp_resourceprep, scratch);
    return rc < 0 ? rc : address_keep(scratch, storage, ret_part);
}

static char domain_byte(char byte)
{
    const char lower = address_lower(byte);
    const bool is_ldh = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (!is_ldh && lower != '-' && lower != '.')
        return '\0';
    return lower;
}

/* RFC 3490, 4.1 step 3 (STD3 rules) for a name of lower-case ASCII letters, digits, '-'
 * and '.'; also says whether some label is an A-label, which must be made Unicode. */
static bool are_domain_labels(struct span name, bool *ret_has_alabel)
{
    bool has_alabel = false;
    while (true) {
        const size_t size = span_index(name, '.');
        const struct span label = span_first(name, size);
        if (size == 0 || size > LABEL_MAX || label.ptr[0] == '-' || label.ptr[size - 1] == '-')
            return false;
        has_alabel = has_alabel || span_has_prefix(label, SPAN("xn--"));
        if (size == name.size)
            break;
        name = span_from(name, size + 1);
    }
    *ret_has_alabel = has_alabel;
    return true;
}

/* An IPv6 literal in its one canonical spelling (RFC 5952, which inet_ntop() writes). */
static int ipv6_domain(struct span text, struct address_part *storage, struct span *ret_part)
{
    char literal[INET6_ADDRSTRLEN + 2] = "";
    if (text.size < 4 || text.size > INET6_ADDRSTRLEN || text.ptr[text.size - 1] != ']' ||
        memchr(text.ptr, 0, text.size))
        return ERR_INVALID;
    memcpy(literal, text.ptr + 1, text.size - 2);
    struct in6_addr address;
    if (inet_pton(AF_INET6, literal, &address) != 1)
        return ERR_INVALID;
    storage->bytes[0] = '[';
    if (!inet_ntop(AF_INET6, &address, storage->bytes + 1, INET6_ADDRSTRLEN))
        return ERR_INVALID;
    const size_t size = strlen(storage->bytes);
    memcpy(storage->bytes + size, "]", 2);
    *ret_part = span_of(storage->bytes, size + 1);
    return 0;
}

/* Nameprep, ToUnicode of each label, then ToASCII as the judge (RFC 6122, 2.2). */
static int idna_domain(struct span text, struct address_part *storage, struct span *ret_part)
{
    const int flags = IDNA_ALLOW_UNASSIGNED | IDNA_USE_STD3_ASCII_RULES;
    char scratch[ADDRESS_TEXT_MAX + 1];
    int rc = address_prepare(text, stringprep_nameprep, scratch);
    if (rc < 0)
        return rc;
    CLEANUP(mem_release) char *unicode = NULL; /* IDNA's four kinds of dot are '.' in it */
    if (idna_to_unicode_8z8z(scratch, &unicode, flags) != IDNA_SUCCESS)
        return ERR_INVALID;
    size_t size = strlen(unicode);
    if (size > 1 && unicode[size - 1] == '.')
        unicode[--size] = 0;
    if (size > ADDRESS_PART_MAX)
        return ERR_TOO_BIG;
    if (address_settle(unicode, size + 1, stringprep_nameprep) < 0 || strlen(unicode) != size)
        return ERR_INVALID;
    CLEANUP(mem_release) char *ascii = NULL;
    bool has_alabel = false;
    if (idna_to_ascii_8z(unicode, &ascii, flags) != IDNA_SUCCESS ||
        !are_domain_labels(span_text(ascii), &has_alabel))
        return ERR_INVALID;
    /* The judge also sees to it that a second preparation changes nothing. */
    CLEANUP(mem_release) char *again = NULL;
    if (idna_to_unicode_8z8z(ascii, &again, flags) != IDNA_SUCCESS ||
        strcmp(again, unicode) != 0)
        return ERR_INVALID;
    return address_keep(unicode, storage, ret_part);
}

int address_domain(struct span text, struct address_part *storage, struct span *ret_part)
{
    if (text.size == 0)
        return ERR_INVALID;
    if (text.ptr[0] == '[')
        return ipv6_domain(text, storage, ret_part);
    if (!address_is_ascii(text))
        return idna_domain(text, storage, ret_part);
    if (text.size > 1 && text.ptr[text.size - 1] == '.') /* RFC 7622, 3.2: the root's dot */
        text.size--;
    struct span part = SPAN_NONE;
    const int rc = ascii_part(text, domain_byte, storage, &part);
    if (rc < 0)
        return rc;
    bool has_alabel = false;
    if (!are_domain_labels(part, &has_alabel))
        return ERR_INVALID;
    if (has_alabel)
        return idna_domain(text, storage, ret_part);
    *ret_part = part;
    return 0;
}

void address_join(struct span local, struct span domain, struct span resource,
                  struct address_text *storage, struct address *ret_address)
{
    assert(local.size <= ADDRESS_PART_MAX && domain.size <= ADDRESS_PART_MAX &&
           resource.size <= ADDRESS_PART_MAX && domain.size > 0);
    struct address made = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
    char *end = storage->bytes;
    if (local.size) {
        memcpy(end, local.ptr, local.size);
        made.local = span_of(end, local.size);
        end += local.size;
        *end++ = '@';
    }
    memcpy(end, domain.ptr, domain.size);
    made.domain = span_of(end, domain.size);
    end += domain.size;
    if (resource.size) {
        *end++ = '/';
        memcpy(end, resource.ptr, resource.size);
        made.resource = span_of(end, resource.size);
        end += resource.size;
    }
    *end = 0;
    *ret_address = made;
}

int address_parse(struct span text, struct address_text *storage, struct address *ret_address)
{
    /* RFC 7622, 3.1: the first '/' ends the domain, then the first '@' ends the local part. */
    const size_t slash = span_index(text, '/');
    const struct span bare = span_first(text, slash);
    const size_t at = span_index(bare, '@');
    const bool has_local = at < bare.size;
    struct address_part parts[3];
    struct span local = SPAN_NONE, domain = SPAN_NONE, resource = SPAN_NONE;

    int rc = has_local ? address_local(span_first(bare, at), &parts[0], &local) : 0;
    if (rc < 0)
        return rc;
    rc = address_domain(has_local ? span_from(bare, at + 1) : bare, &parts[1], &domain);
    if (rc < 0)
        return rc;
    rc = slash < text.size ? address_resource(span_from(text, slash + 1), &parts[2], &resource)
                           : 0;
    if (rc < 0)
        return rc;
    address_join(local, domain, resource, storage, ret_address);
    return 0;
}

int address_parse_in(struct span text, struct arena *arena, struct address *ret_address)
{
    struct address_text storage;
    struct address a;
    const int rc = address_parse(text, &storage, &a);
    if (rc < 0)
        return rc;
    const char *copy = arena_copy(arena, address_full(&a)).ptr;
    struct span *const parts[] = {&a.local, &a.domain, &a.resource};
    for (size_t i = 0; i < 3; i++)
        if (!span_is_none(*parts[i]))
            parts[i]->ptr = copy + (parts[i]->ptr - storage.bytes);
    *ret_address = a;
    return 0;
}

struct span address_bare(const struct address *a)
{
    const char *begin = span_is_none(a->local) ? a->domain.ptr : a->local.ptr;
    return span_of(begin, (size_t)(a->domain.ptr - begin) + a->domain.size);
}

struct span address_full(const struct address *a)
{
    const struct span bare = address_bare(a);
    return span_is_none(a->resource) ? bare
                                     : span_of(bare.ptr, bare.size + 1 + a->resource.size);
}

void address_format(struct strbuf *out, const struct address *a)
{
    strbuf_add(out, address_full(a));
}

struct span address_bare_of(struct span prepared)
{
    return span_first(prepared, span_index(prepared, '/'));
}

struct span address_domain_of(struct span prepared)
{
    const struct span bare = address_bare_of(prepared);
    const size_t at = span_index(bare, '@');
    return at < bare.size ? span_from(bare, at + 1) : bare;
}

bool address_is_assigned(struct span local)
{
    if (address_is_ascii(local))
        return true;
    char scratch[ADDRESS_PART_MAX + 1];
    if (local.size > ADDRESS_PART_MAX || !utf8_is_valid(local))
        return false;
    memcpy(scratch, local.ptr, local.size);
    scratch[local.size] = 0;
    return stringprep(scratch, sizeof(scratch), STRINGPREP_NO_UNASSIGNED,
                      stringprep_xmpp_nodeprep) == STRINGPREP_OK;
}
