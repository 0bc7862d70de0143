#include "record/anonymize/registered_domain.h"

#include <libpsl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Labels of the longest suffix in the list are 4; a name (RFC 1035) has at most 253 characters. */
enum { SUFFIX_LABELS_MAX = 6, DOMAIN_NAME_MAX = 253 };

const char *public_suffix_list_id(void) {
    return psl_builtin() != NULL ? psl_builtin_sha1sum() : NULL;
}

const char *public_suffix_library_version(void) {
    static char version[64];
    snprintf(version, sizeof version, "libpsl %s", psl_get_version());
    return version;
}

/* The start of the label that ends before `end`. */
static size_t label_begin(const char *name, size_t end) {
    while (end > 0 && name[end - 1] != '.')
        end--;
    return end;
}

/* Where the longest public suffix begins; `length` if the list has none. A rule may skip a level, so all are tried. */
static size_t suffix_begin(const char *name, size_t length) {
    size_t found = length, begin = length;
    for (int labels = 0; labels < SUFFIX_LABELS_MAX && begin > 0; labels++) {
        size_t end = begin - (labels > 0);
        begin = label_begin(name, end);
        /* A host's name has no empty label, but libpsl would take one for a suffix. */
        if (begin == end)
            return length;
        if (psl_is_public_suffix2(psl_builtin(), name + begin, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE))
            found = begin;
    }
    return found;
}

/* A text that is no plain host name may have anything before its last dots ("user:password@example.com"). */
static bool is_plain(const char *name, size_t length) {
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == length && name[0] != '.';
}

static bool is_below_arpa(const char *name, size_t length) {
    return length >= 5 && memcmp(name + length - 5, ".arpa", 5) == 0;
}

size_t registered_domain(const char *name, size_t length) {
    if (length == 0 || length > DOMAIN_NAME_MAX)
        return length;
    for (size_t i = 0; i < length; i++) {
        /* libpsl would allocate for non-ASCII names. On the wire these are in Punycode. */
        if ((unsigned char)name[i] >= 0x80)
            return length;
    }
    size_t begin = suffix_begin(name, length);
    if (begin < length && begin > 0 && !is_below_arpa(name, length))
        begin = label_begin(name, begin - 1);
    return is_plain(name + begin, length - begin) ? begin : length;
}
