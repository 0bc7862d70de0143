#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static const char REPLACEMENT[3] = "\xEF\xBF\xBD"; /* U+FFFD */

/* Number of leading bytes that are ASCII other than NUL. Reads eight at a time, since nearly all texts are ASCII only. */
static size_t ascii_prefix(const unsigned char *bytes, size_t length) {
    const uint64_t high = UINT64_C(0x8080808080808080), low = UINT64_C(0x0101010101010101);
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        /* A byte's high bit is set if it isn't ASCII, or if it is 0, since subtracting 1 then borrows. */
        if (((word | (word - low)) & high) != 0)
            break;
    }
    while (i < length && bytes[i] != 0 && bytes[i] < 0x80)
        i++;
    return i;
}

/* Bounds of the second byte of a sequence: they exclude overlong forms, surrogates and what lies beyond U+10FFFF. */
static void second_byte_bounds(unsigned char first, unsigned char *low, unsigned char *high) {
    *low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    *high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
}

static size_t sequence_length(unsigned char first) {
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    if (first >= 0xF0 && first <= 0xF4)
        return 4;
    return 0;
}

/* Reads the first character of `bytes`, which is not ASCII (or is NUL). Returns how many bytes belong together: a character
 * if *valid, else a maximal invalid part that is to be replaced. */
static size_t take_sequence(const unsigned char *bytes, size_t length, bool *valid) {
    size_t wanted = sequence_length(bytes[0]);
    *valid = false;
    if (wanted == 0)
        return 1;
    unsigned char low, high;
    second_byte_bounds(bytes[0], &low, &high);
    size_t got = 1;
    while (got < wanted && got < length && bytes[got] >= low && bytes[got] <= high) {
        low = 0x80;
        high = 0xBF;
        got++;
    }
    *valid = got == wanted;
    return got;
}

/* Length of the clean start. */
static size_t clean_prefix(const unsigned char *bytes, size_t length) {
    size_t i = 0;
    while ((i += ascii_prefix(bytes + i, length - i)) < length) {
        bool valid;
        size_t taken = take_sequence(bytes + i, length - i, &valid);
        if (!valid)
            break;
        i += taken;
    }
    return i;
}

bool text_is_clean(const char *bytes, size_t length) {
    return clean_prefix((const unsigned char *)bytes, length) == length;
}

/* Where clean text can be cut so that at most TEXT_MAX bytes remain: not within a character. */
static size_t cut_length(const char *bytes, size_t length) {
    if (length <= TEXT_MAX)
        return length;
    size_t cut = TEXT_MAX;
    while (cut > 0 && ((unsigned char)bytes[cut] & 0xC0) == 0x80)
        cut--;
    return cut;
}

size_t text_sanitized_bound(size_t length) {
    return length > TEXT_MAX / 3 ? TEXT_MAX : 3 * length;
}

/* Writes the text into `room` with its invalid parts replaced; never more than TEXT_MAX bytes. */
static size_t replace_invalid(const unsigned char *bytes, size_t length, char *room) {
    size_t used = 0, i = 0;
    while (i < length) {
        size_t taken = ascii_prefix(bytes + i, length - i);
        bool valid = true;
        if (taken == 0)
            taken = take_sequence(bytes + i, length - i, &valid);
        const char *from = valid ? (const char *)bytes + i : REPLACEMENT;
        size_t count = valid ? taken : sizeof REPLACEMENT;
        if (count > TEXT_MAX - used) {
            /* Of ASCII text a part may be written; any other character is written whole or not at all. */
            if (valid && bytes[i] < 0x80) {
                memcpy(room + used, from, TEXT_MAX - used);
                used = TEXT_MAX;
            }
            break;
        }
        memcpy(room + used, from, count);
        used += count;
        i += taken;
    }
    return used;
}

struct text text_sanitize(const char *bytes, size_t length, char *room) {
    size_t clean = clean_prefix((const unsigned char *)bytes, length);
    if (clean == length || clean >= TEXT_MAX + 4)
        return (struct text){bytes, cut_length(bytes, clean)};
    return (struct text){room, replace_invalid((const unsigned char *)bytes, length, room)};
}
