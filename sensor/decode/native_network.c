/* IPv4, IPv6 and its extension headers, and IP within IP, in the native dialect. */
#include <string.h>

#include "decode/native.h"

enum {
    PROTOCOL_IPV4 = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_IPV6 = 41,

    HOP_BY_HOP = 0,
    ROUTING = 43,
    FRAGMENT = 44,
    AUTHENTICATION = 51,
    DESTINATION_OPTIONS = 60,
    MOBILITY = 135,
    HOST_IDENTITY = 139,
    SHIM6 = 140,

    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    MORE_FRAGMENTS = 0x2000,
    FRAGMENT_OFFSET = 0x1fff,
};

/* Cuts the frame to the length that the header at walk->offset announces: a link trailer or padding after it is no longer
 * seen. `total` 0 stands for all that was on the wire. */
static void walk_limit(struct native_walk *walk, size_t total) {
    struct packet *packet = walk->packet;
    size_t available = walk->frame.length - walk->offset;
    if (total == 0) {
        total = walk->wire_end - walk->offset;
        packet->flags |= PACKET_OFFLOAD;
    }
    if (total > available)
        packet->flags |= PACKET_TRUNCATED;
    else
        walk->frame.length = walk->offset + total;
    walk->wire_end = walk->offset + total;
    packet->size[ACCOUNT_IP] = (uint32_t)total;
    packet->ip = walk->frame.data + walk->offset;
    packet->ip_captured = (uint32_t)(walk->frame.length - walk->offset);
}

/* `units` is the offset in units of 8 bytes. */
static void note_fragment(struct native_walk *walk, uint16_t units, bool more, uint32_t identification) {
    walk->later_fragment = units != 0;
    walk->first_fragment = units == 0 && more;
    walk->identification = identification;
    if (units != 0 || more)
        walk->packet->flags |= PACKET_FRAGMENT;
}

/* The length of the extension header of kind `protocol` at walk->offset; 0 if this is none of them. */
static size_t extension_length(const struct native_walk *walk, uint8_t protocol) {
    size_t units = bytes_u8(walk->frame, walk->offset + 1);
    switch (protocol) {
    case HOP_BY_HOP:
    case ROUTING:
    case DESTINATION_OPTIONS:
    case MOBILITY:
    case HOST_IDENTITY:
    case SHIM6: return (units + 1) * 8;
    case FRAGMENT: return 8;
    case AUTHENTICATION: return (units + 2) * 4;
    default: return 0;
    }
}

/* AH (RFC 4302) is the same header in both versions; the others are of IPv6. */
static bool is_extension_header(const struct packet *packet) {
    uint8_t protocol = packet->protocol;
    if (packet->ip_version == 4)
        return protocol == AUTHENTICATION;
    return protocol == HOP_BY_HOP || protocol == ROUTING || protocol == FRAGMENT ||
           protocol == AUTHENTICATION || protocol == DESTINATION_OPTIONS || protocol == MOBILITY ||
           protocol == HOST_IDENTITY || protocol == SHIM6;
}

/* Walks the extension headers. After a later fragment's header comes payload. Only the first fragment's Next Header
 * says what that is (RFC 8200, 4.5). */
static enum decode_reason walk_extensions(struct native_walk *walk) {
    struct packet *packet = walk->packet;
    while (is_extension_header(packet)) {
        enum decode_reason reason = native_descend(walk);
        if (reason != DECODE_METERED)
            return reason;
        if (!native_have(walk, 8))
            return DECODE_ip_extension;
        size_t length = extension_length(walk, packet->protocol);
        if (!native_have(walk, length) || length > walk->transport_length)
            return DECODE_ip_extension;
        if (packet->protocol == FRAGMENT) {
            uint16_t fragment = bytes_u16(walk->frame, walk->offset + 2);
            note_fragment(walk, fragment >> 3, fragment & 1, bytes_u32(walk->frame, walk->offset + 4));
        }
        if (!walk->later_fragment)
            packet->protocol = bytes_u8(walk->frame, walk->offset);
        walk->offset += length;
        walk->transport_length -= length;
        if (walk->later_fragment)
            break;
    }
    return DECODE_METERED;
}

static enum decode_reason walk_ipv4(struct native_walk *walk) {
    if (!native_have(walk, IPV4_HEADER))
        return DECODE_ip_truncated;
    struct packet *packet = walk->packet;
    const uint8_t *header = walk->frame.data + walk->offset;
    size_t header_length = (size_t)(header[0] & 15) * 4;
    uint16_t total = bytes_u16(walk->frame, walk->offset + 2);
    if (header_length < IPV4_HEADER || (total != 0 && total < header_length))
        return DECODE_ip_malformed;
    if (!native_have(walk, header_length))
        return DECODE_ip_truncated;
    walk_limit(walk, total);
    uint16_t fragment = bytes_u16(walk->frame, walk->offset + 6);
    note_fragment(walk, fragment & FRAGMENT_OFFSET, fragment & MORE_FRAGMENTS,
                  bytes_u16(walk->frame, walk->offset + 4));
    packet->ip_version = 4;
    packet->protocol = header[9];
    walk->carried = header[9];
    memcpy(packet->source, header + 12, 4);
    memcpy(packet->destination, header + 16, 4);
    walk->offset += header_length;
    walk->transport_length = packet->size[ACCOUNT_IP] - header_length;
    /* The header of a later fragment is in the first one. */
    if (packet->protocol == AUTHENTICATION && !walk->later_fragment)
        return walk_extensions(walk);
    return DECODE_METERED;
}

/* Length 0 is a jumbogram (RFC 2675) or a segment that the network card had yet to cut. */
static bool is_unlimited(uint16_t payload_length, uint8_t next_header) {
    return payload_length == 0 &&
           (next_header == HOP_BY_HOP || next_header == PROTOCOL_TCP || next_header == PROTOCOL_UDP);
}

static enum decode_reason walk_ipv6(struct native_walk *walk) {
    if (!native_have(walk, IPV6_HEADER))
        return DECODE_ip_truncated;
    struct packet *packet = walk->packet;
    const uint8_t *header = walk->frame.data + walk->offset;
    uint16_t payload_length = bytes_u16(walk->frame, walk->offset + 4);
    walk_limit(walk, is_unlimited(payload_length, header[6]) ? 0 : (size_t)IPV6_HEADER + payload_length);
    note_fragment(walk, 0, false, 0);
    packet->ip_version = 6;
    packet->protocol = header[6];
    walk->carried = FRAGMENT;
    memcpy(packet->source, header + 8, 16);
    memcpy(packet->destination, header + 24, 16);
    walk->offset += IPV6_HEADER;
    walk->transport_length = packet->size[ACCOUNT_IP] - IPV6_HEADER;
    return walk_extensions(walk);
}

/* What an outer header said must not be seen in the inner packet; but if the frame is segments in one, so is that. */
static void forget_outer(struct packet *packet) {
    memset(packet->source, 0, sizeof packet->source);
    memset(packet->destination, 0, sizeof packet->destination);
    packet->flags &= PACKET_HAS_MAC | PACKET_HAS_SOURCE_MAC | PACKET_HAS_TUNNEL_KEY | PACKET_OFFLOAD;
}

static enum decode_reason ip_header(struct native_walk *walk) {
    enum decode_reason reason = native_descend(walk);
    if (reason != DECODE_METERED)
        return reason;
    if (!native_have(walk, 1))
        return DECODE_ip_truncated;
    uint8_t version = bytes_u8(walk->frame, walk->offset) >> 4;
    if (walk->version != 0 && walk->version != version)
        return DECODE_ip_malformed;
    walk->version = 0;
    switch (version) {
    case 4: return walk_ipv4(walk);
    case 6: return walk_ipv6(walk);
    default: return DECODE_ip_malformed;
    }
}

enum decode_reason native_network(struct native_walk *walk) {
    for (;;) {
        if (walk->packet->ip_version != 0)
            forget_outer(walk->packet);
        enum decode_reason reason = ip_header(walk);
        if (reason != DECODE_METERED)
            return reason;
        uint8_t protocol = walk->packet->protocol;
        if (protocol != PROTOCOL_IPV4 && protocol != PROTOCOL_IPV6)
            return DECODE_METERED;
        /* The inner header is in the first fragment; the rest has no flow of its own. */
        if (walk->later_fragment)
            return DECODE_fragment_unknown;
        if (walk->first_fragment) {
            struct fragment_key key = native_fragment_key(walk);
            native_remember(walk, &key, &(struct fragment_datagram){.looked_into = true});
        }
        walk->version = protocol == PROTOCOL_IPV4 ? 4 : 6;
    }
}
