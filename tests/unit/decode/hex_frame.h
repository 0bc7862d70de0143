/* Frames written as hexadecimal text, and what the decoder makes of them, for the tests of this room. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decode.h"
#include "decode/walk/link_types.h"

/* Pieces that string literals are put together from. */
#define MAC_1       "020000000001"
#define MAC_2       "020000000002"
#define ETHERNET    MAC_2 MAC_1
#define ADDRESSES_4 "0a0000010a000002"
#define ADDRESSES_6                    \
    "20010db8000000000000000000000001" \
    "20010db8000000000000000000000002"
/* Of 802.11: the rest of a header of data, and LLC with SNAP before IPv4. */
#define MAC_3     "020000000003"
#define WIFI_DATA "0000" MAC_1 MAC_2 MAC_3 "1000"
#define LLC_SNAP  "aaaa030000000800"
/* Port 1234 to 53 with the payload "hi", bare and in IPv4 and IPv6. */
#define UDP            \
    "04d20035000a0000" \
    "6869"
#define IPV4_UDP       \
    "4500001e00010000" \
    "40110000" ADDRESSES_4 UDP
#define IPV6_UDP   \
    "60000000000a" \
    "1140" ADDRESSES_6 UDP

/* Appends to a frame's text in a buffer of `size` bytes. */
static inline const char *hex_append(char *text, size_t size, const char *piece) {
    size_t used = strlen(text), length = strlen(piece);
    assert_true(used + length < size);
    memcpy(text + used, piece, length + 1);
    return text;
}

static inline int hex_digit(char letter) {
    return letter <= '9' ? letter - '0' : letter - 'a' + 10;
}

/* The first `length` bytes of one frame of `link_type` at a time in seconds; they are in memory of exactly their
 * number. */
static inline enum decode_reason decode_part(struct decoder *decoder, int64_t seconds, int link_type,
                                             const char *text, size_t length, struct packet *packet) {
    static uint8_t *bytes;
    free(bytes);
    bytes = malloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    struct frame frame = {
        .bytes = bytes,
        .captured_length = (uint32_t)length,
        .wire_length = (uint32_t)strlen(text) / 2,
        .seconds = seconds,
        .link_type = link_type,
    };
    return decoder_decode(decoder, &frame, packet);
}

static inline enum decode_reason decode_at(struct decoder *decoder, int64_t seconds, int link_type,
                                           const char *text, struct packet *packet) {
    return decode_part(decoder, seconds, link_type, text, strlen(text) / 2, packet);
}

/* One frame on its own. */
static inline enum decode_reason decode_as(enum decode_dialect dialect, int link_type, const char *text,
                                           struct packet *packet) {
    struct decoder *decoder = decoder_create(&(struct decode_options){dialect, .decode_tunnels = true});
    assert_non_null(decoder);
    enum decode_reason reason = decode_at(decoder, 1000, link_type, text, packet);
    decoder_destroy(decoder);
    return reason;
}

/* One of which the snapshot length left so many bytes. */
static inline enum decode_reason decode_snapped(int link_type, const char *text, size_t length,
                                                struct packet *packet) {
    struct decoder *decoder = decoder_create(&(struct decode_options){.decode_tunnels = true});
    assert_non_null(decoder);
    enum decode_reason reason = decode_part(decoder, 1000, link_type, text, length, packet);
    decoder_destroy(decoder);
    return reason;
}

static inline enum decode_reason decode_native(int link_type, const char *text, struct packet *packet) {
    return decode_as(DECODE_NATIVE, link_type, text, packet);
}

static inline void assert_reason(enum decode_reason reason, enum decode_reason expected) {
    assert_string_equal(decode_reason_name(reason), decode_reason_name(expected));
}

/* The frame holds the datagram of IPV4_UDP or IPV6_UDP. */
static inline struct packet assert_udp(enum decode_dialect dialect, int link_type, const char *text) {
    struct packet packet;
    assert_reason(decode_as(dialect, link_type, text, &packet), DECODE_METERED);
    assert_int_equal(packet.protocol, 17);
    assert_int_equal(packet.source_port, 1234);
    assert_int_equal(packet.destination_port, 53);
    assert_int_equal(packet.size[ACCOUNT_RAW], strlen(text) / 2);
    assert_int_equal(packet.size[ACCOUNT_TRANSPORT], 10);
    assert_int_equal(packet.size[ACCOUNT_PAYLOAD], 2);
    if (packet.ip_version == 4) {
        assert_int_equal(packet.size[ACCOUNT_IP], 30);
        assert_memory_equal(packet.source, "\x0a\0\0\1\0\0\0\0\0\0\0\0\0\0\0", 16);
        assert_memory_equal(packet.destination, "\x0a\0\0\2\0\0\0\0\0\0\0\0\0\0\0", 16);
    } else {
        assert_int_equal(packet.ip_version, 6);
        assert_int_equal(packet.size[ACCOUNT_IP], 50);
        assert_memory_equal(packet.source, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
        assert_memory_equal(packet.destination, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
    }
    return packet;
}

static inline void assert_ignored(enum decode_dialect dialect, int link_type, const char *text,
                                  enum decode_reason expected) {
    struct packet packet;
    assert_reason(decode_as(dialect, link_type, text, &packet), expected);
}

/* Every shorter frame is refused for one of the two reasons, none is read beyond its end. */
static inline void assert_every_cut_refused(int link_type, const char *text, size_t first_metered,
                                            enum decode_reason one, enum decode_reason other) {
    char cut[4096];
    struct packet packet;
    for (size_t length = 0; length < first_metered; length++) {
        memcpy(cut, text, 2 * length);
        cut[2 * length] = '\0';
        enum decode_reason reason = decode_native(link_type, cut, &packet);
        if (reason != one)
            assert_reason(reason, other);
    }
}
