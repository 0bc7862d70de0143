/* Bytes as lower-case hex digits, eight digits at once: each record has more than a hundred. Nothing here is shared: the
 * caller's thread. */
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One nibble in each byte becomes one digit in each byte. */
static inline uint64_t hex_digits(uint64_t nibbles) {
    uint64_t letters = (nibbles + 0x0606060606060606) >> 4 & 0x0101010101010101;
    return nibbles + 0x3030303030303030 + letters * ('a' - '0' - 10);
}

/* The digits of `count` bytes, a multiple of four; no NUL is written. */
static inline void hex_put(char *digits, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i += 4) {
        uint32_t four;
        memcpy(&four, bytes + i, sizeof four);
        uint64_t word = le32toh(four);
        word = (word | word << 16) & 0x0000ffff0000ffff;
        word = (word | word << 8) & 0x00ff00ff00ff00ff;
        word = (word >> 4 | word << 8) & 0x0f0f0f0f0f0f0f0f;
        word = htole64(hex_digits(word));
        memcpy(digits + 2 * i, &word, sizeof word);
    }
}
