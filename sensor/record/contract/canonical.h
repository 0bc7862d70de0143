/* Canonical texts and their hashes: `key=value` lines, sorted by their bytes, each ending in a newline. Two sensors whose
 * values mean the same have the same text, and so has whoever makes it again from a record. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { CANONICAL_HASH_SIZE = 33 }; /* 32 hex digits and NUL */

/* Lines, collected in any order. */
struct canonical {
    char **line;
    size_t count, capacity;
    bool failed; /* no memory: the text will be NULL */
};

/* Printf's format, with the newline. */
void canonical_add(struct canonical *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sorts and joins the lines and frees them; malloc'd, the caller frees. NULL: no memory. */
char *canonical_finish(struct canonical *lines);

/* "on", "off". */
const char *canonical_switch(bool on);

/* First 128 bits of SHA-256 of the text, in hex. */
void canonical_hash(const char *text, char hash[CANONICAL_HASH_SIZE]);
