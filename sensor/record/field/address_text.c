#include "record/field/address_text.h"

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

void mac_format(const uint8_t mac[6], char text[MAC_TEXT_LENGTH]) {
    for (size_t i = 0; i < 6; i++) {
        text[3 * i] = HEX[mac[i] >> 4];
        text[3 * i + 1] = HEX[mac[i] & 15];
        if (i < 5)
            text[3 * i + 2] = ':';
    }
}
