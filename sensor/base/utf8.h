/* Makes texts from packets fit for records: bounded, and valid UTF-8 for any bytes on the wire. Readers in other languages
 * refuse a whole record over one bad byte. Nothing here is shared: the caller's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
    const char *bytes; /* not NUL-terminated */
    size_t length;
};

/* Bytes of one text at most; longer ones are cut between characters. */
enum { TEXT_MAX = 65536 };

/* Whether these bytes are valid UTF-8 (no surrogates, no overlong forms) without NUL. */
bool text_is_clean(const char *bytes, size_t length);

/* Length of the text that text_sanitize() makes: at most min(3 * length, TEXT_MAX). */
size_t text_sanitized_bound(size_t length);

/* Replaces each maximal invalid part, and each NUL, by U+FFFD, as the Unicode standard recommends (chapter 3.9), and
 * cuts to TEXT_MAX. Clean text is returned as it is, borrowed; otherwise `room` is filled, which must have
 * text_sanitized_bound(length) bytes. */
struct text text_sanitize(const char *bytes, size_t length, char *room);
