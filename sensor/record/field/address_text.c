#include "record/field/address_text.h"

#include <endian.h>
#include <string.h>

#include "base/hex.h"

static const char HEX[] = "0123456789abcdef";

static char *put_octet(char *out, unsigned octet) {
    if (octet >= 100)
        *out++ = (char)('0' + octet / 100);
    if (octet >= 10)
        *out++ = (char)('0' + octet / 10 % 10);
    *out++ = (char)('0' + octet % 10);
    return out;
}

static char *put_ipv4(char *out, const uint8_t address[4]) {
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *out++ = '.';
        out = put_octet(out, address[i]);
    }
    return out;
}

static char *put_group(char *out, unsigned group) {
    if (group >= 0x1000)
        *out++ = HEX[group >> 12];
    if (group >= 0x100)
        *out++ = HEX[group >> 8 & 15];
    if (group >= 0x10)
        *out++ = HEX[group >> 4 & 15];
    *out++ = HEX[group & 15];
    return out;
}

/* The first longest run of two or more zero groups; length 0 if there is none. */
static int longest_zeros(const unsigned groups[8], int *start) {
    int best = 1, length = 0;
    *start = -1;
    for (int i = 0; i < 8; i++) {
        length = groups[i] == 0 ? length + 1 : 0;
        if (length > best) {
            best = length;
            *start = i + 1 - length;
        }
    }
    return *start < 0 ? 0 : best;
}

static size_t format_ipv6(const uint8_t address[16], char *text) {
    unsigned groups[8];
    for (size_t i = 0; i < 8; i++)
        groups[i] = (unsigned)address[2 * i] << 8 | address[2 * i + 1];
    int start;
    int zeros = longest_zeros(groups, &start);
    char *out = text;
    for (int i = 0; i < 8; i++) {
        if (i == start) {
            *out++ = ':';
            i += zeros - 1;
            if (i == 7)
                *out++ = ':';
            continue;
        }
        if (i > 0)
            *out++ = ':';
        /* IPv4-compatible and IPv4-mapped addresses end in the dotted form. */
        if (i == 6 && start == 0 && (zeros == 6 || (zeros == 5 && groups[5] == 0xffff)))
            return (size_t)(put_ipv4(out, address + 12) - text);
        out = put_group(out, groups[i]);
    }
    return (size_t)(out - text);
}

size_t address_format(const uint8_t address[16], uint8_t ip_version, char text[ADDRESS_TEXT_MAX]) {
    if (ip_version == 6)
        return format_ipv6(address, text);
    return (size_t)(put_ipv4(text, address) - text);
}

/* "00:11:22" of three bytes, as one word of eight characters. */
static uint64_t mac_half(const uint8_t bytes[3]) {
    uint64_t word = bytes[0] | (uint64_t)bytes[1] << 24 | (uint64_t)bytes[2] << 48;
    word = (word >> 4 | word << 8) & 0x0f0f000f0f000f0f;
    return htole64(hex_digits(word) + 0x00000a00000a0000); /* a colon is 10 more than a zero */
}

void mac_format(const uint8_t mac[6], char text[MAC_TEXT_LENGTH]) {
    uint64_t halves[] = {mac_half(mac), mac_half(mac + 3)};
    memcpy(text, &halves[0], sizeof halves[0]);
    text[8] = ':';
    memcpy(text + 9, &halves[1], sizeof halves[1]);
}
