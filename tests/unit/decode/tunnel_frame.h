/* Tunnelled frames as hexadecimal text, around what hex_frame.h has, and what must come out of them. */
#pragma once

#include <stdio.h>

#include "decode/hex_frame.h"

/* What the outer packet is: IPv4, IPv6, or IPv6 with a hop-by-hop and a destination options header. */
enum outer_form { OUTER_4, OUTER_6, OUTER_6_OPTIONS, OUTER_FORMS };

#define OUTER_PORT "1111"

/* An outer packet of `protocol` around `payload`. Valid until the next call. */
static inline const char *outer_ip(enum outer_form form, unsigned protocol, const char *payload) {
    static char text[8192];
    unsigned length = (unsigned)strlen(payload) / 2;
    int used;
    if (form == OUTER_4)
        used = snprintf(text, sizeof text, "4500%04x0001000040%02x00000101010102020202%s", length + 20,
                        protocol, payload);
    else if (form == OUTER_6)
        used = snprintf(text, sizeof text, "60000000%04x%02x40%s%s", length, protocol, ADDRESSES_6, payload);
    else
        used = snprintf(text, sizeof text, "60000000%04x0040%s3c00010400000000%02x00010400000000%s",
                        length + 16, ADDRESSES_6, protocol, payload);
    assert_true(used > 0 && (size_t)used < sizeof text);
    return text;
}

/* UDP to `port` (four digits). */
static inline const char *outer_udp(enum outer_form form, const char *port, const char *payload) {
    static char text[8192];
    unsigned length = (unsigned)strlen(payload) / 2 + 8;
    int used = snprintf(text, sizeof text, "%s%s%04x0000%s", OUTER_PORT, port, length, payload);
    assert_true(used > 0 && (size_t)used < sizeof text);
    return outer_ip(form, 17, text);
}

/* In place of a port: over IP with that protocol. */
#define GRE     "#47"
#define ETHERIP "#97"
#define L2TPV3  "#115"

static inline unsigned carrier_protocol(const char *port) {
    return port[0] == '#' ? (unsigned)atoi(port + 1) : 17;
}

/* Over UDP to `port`, or over IP. */
static inline const char *outer(enum outer_form form, const char *port, const char *payload) {
    unsigned protocol = carrier_protocol(port);
    return protocol == 17 ? outer_udp(form, port, payload) : outer_ip(form, protocol, payload);
}

#define NO_KEY INT64_C(-1)

static inline void assert_tunnel(const struct packet *packet, enum tunnel_kind kind, int64_t key) {
    assert_int_equal(packet->tunnel, kind);
    assert_int_equal((packet->flags & PACKET_HAS_TUNNEL_KEY) != 0, key != NO_KEY);
    assert_int_equal(packet->tunnel_key, key == NO_KEY ? 0 : key);
}

/* The frame ends with IPV4_UDP or IPV6_UDP. Cut before its ports it has a reason; cut behind them it is metered as the
 * whole one. */
static inline void assert_cuts(const char *frame, enum tunnel_kind kind, int64_t key) {
    char cut[8192];
    struct packet packet;
    size_t length = strlen(frame) / 2, ports = length - strlen(UDP) / 2 + 4;
    for (size_t kept = 0; kept < length; kept++) {
        memcpy(cut, frame, 2 * kept);
        cut[2 * kept] = '\0';
        enum decode_reason reason = decode_native(LINK_RAW, cut, &packet);
        if ((reason == DECODE_METERED) != (kept >= ports))
            fail_msg("%zu of %zu bytes: %s", kept, length, decode_reason_name(reason));
        if (reason != DECODE_METERED)
            continue;
        assert_tunnel(&packet, kind, key);
        assert_int_equal(packet.destination_port, 53);
        assert_true(packet.flags & PACKET_TRUNCATED);
    }
}

/* The payload is a tunnelled IPV4_UDP or IPV6_UDP, whatever the outer packet is and wherever it is cut. */
static inline struct packet assert_opened(const char *port, const char *payload, enum tunnel_kind kind,
                                          int64_t key) {
    struct packet packet;
    for (int form = 0; form < OUTER_FORMS; form++) {
        char frame[8192];
        snprintf(frame, sizeof frame, "%s", outer((enum outer_form)form, port, payload));
        packet = assert_udp(DECODE_NATIVE, LINK_RAW, frame);
        assert_tunnel(&packet, kind, key);
        assert_false(packet.flags & (PACKET_TRUNCATED | PACKET_FRAGMENT));
        assert_cuts(frame, kind, key);
    }
    return packet;
}

/* The outer packet is metered. */
static inline void assert_closed(const char *port, const char *payload) {
    struct packet packet;
    assert_reason(decode_native(LINK_RAW, outer(OUTER_4, port, payload), &packet), DECODE_METERED);
    assert_tunnel(&packet, TUNNEL_NONE, NO_KEY);
    assert_int_equal(packet.tunnel_path, 0);
    assert_int_equal(packet.vlan_id, 0);
    assert_int_equal(packet.source[0], 1);
    assert_int_equal(packet.protocol, carrier_protocol(port));
    assert_int_equal(packet.source_port, carrier_protocol(port) == 17 ? 0x1111 : 0);
}

static inline void assert_refused(const char *port, const char *payload, enum decode_reason reason) {
    for (int form = 0; form < OUTER_FORMS; form++)
        assert_ignored(DECODE_NATIVE, LINK_RAW, outer((enum outer_form)form, port, payload), reason);
}

static inline void assert_malformed(const char *port, const char *payload) {
    assert_refused(port, payload, DECODE_tunnel_malformed);
}
