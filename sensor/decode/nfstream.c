#include "decode/nfstream.h"

#include <string.h>

enum {
    PROTOCOL_ICMP = 1,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_ICMPV6 = 58,
    EXTENSION_HOP_BY_HOP = 0,
    EXTENSION_ROUTING = 43,
    EXTENSION_FRAGMENT = 44,
    EXTENSION_NONE = 59,
    EXTENSION_DESTINATION = 60,
    EXTENSION_MOBILITY = 135,
    TYPE_IPV4 = 0x0800,
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    FRAGMENT_OFFSET = 0x1fff,
    MORE_FRAGMENTS = 0x2000,
};

static bool is_ip_in_ip(uint8_t protocol) {
    return protocol == PROTOCOL_IPV4 || protocol == PROTOCOL_IPV6;
}

static bool nfstream_is_extension(uint8_t protocol) {
    switch (protocol) {
    case EXTENSION_HOP_BY_HOP:
    case EXTENSION_ROUTING:
    case EXTENSION_FRAGMENT:
    case EXTENSION_DESTINATION:
    case EXTENSION_MOBILITY:
    case EXTENSION_NONE: return true;
    default: return false;
    }
}

static uint16_t ipv4_header_length(const struct nfstream_walk *walk) {
    return (uint16_t)((walk->bytes[walk->ip] & 15) * 4);
}

/* A fragment header has 8 bytes but takes only 5 of `left`, NFStream's count of what was captured. */
static enum decode_reason skip_fragment_header(const struct nfstream_walk *walk,
                                               struct nfstream_ipv6_payload *payload, size_t *left) {
    if (payload->length < 8 || *left < 5 || !nfstream_have(walk, payload->offset, 4))
        return DECODE_ip_extension;
    if (nfstream_u16(walk, payload->offset + 2) >> 3)
        return DECODE_fragment_unknown; /* later fragments are ignored */
    payload->protocol = walk->bytes[payload->offset];
    payload->offset += 8;
    payload->length -= 8;
    *left -= 5;
    return DECODE_METERED;
}

static enum decode_reason skip_extension_header(const struct nfstream_walk *walk,
                                                struct nfstream_ipv6_payload *payload, size_t *left) {
    if (payload->length < 2 || !nfstream_have(walk, payload->offset, 2))
        return DECODE_ip_extension;
    size_t length = (size_t)walk->bytes[payload->offset + 1] * 8 + 8;
    if (length > *left || length > payload->length)
        return DECODE_ip_extension;
    payload->protocol = walk->bytes[payload->offset];
    payload->offset += length;
    payload->length -= length;
    *left -= length;
    return DECODE_METERED;
}

enum decode_reason nfstream_ipv6_payload(const struct nfstream_walk *walk,
                                         struct nfstream_ipv6_payload *payload) {
    enum decode_reason reason = DECODE_METERED;
    size_t left = (uint16_t)(walk->captured - walk->ip - IPV6_HEADER); /* 16 bits in NFStream */
    payload->offset = walk->ip + IPV6_HEADER;
    payload->length = nfstream_u16(walk, walk->ip + 4);
    payload->protocol = walk->bytes[walk->ip + 6];
    while (left > 1 && nfstream_is_extension(payload->protocol)) {
        if (payload->protocol == EXTENSION_NONE)
            return DECODE_ip_extension;
        if (payload->protocol == EXTENSION_FRAGMENT)
            reason = skip_fragment_header(walk, payload, &left);
        else
            reason = skip_extension_header(walk, payload, &left);
        if (reason != DECODE_METERED)
            return reason;
    }
    return DECODE_METERED;
}

/* Sets `*tunnel_at` to the offset from the header at which a tunnel's UDP header is looked for. */
static enum decode_reason nfstream_ipv4(struct nfstream_walk *walk, size_t *tunnel_at, bool *again) {
    uint16_t length = ipv4_header_length(walk);
    walk->is_ipv4 = true;
    *tunnel_at = length;
    if (is_ip_in_ip(walk->bytes[walk->ip + 9]) && length > 0) {
        walk->ip += length;
        *again = true;
        return DECODE_METERED;
    }
    /* For an IPv4 header behind EtherType 0x86dd, NFStream tests the offset of an earlier header, or 0. */
    return walk->fragment & FRAGMENT_OFFSET ? DECODE_fragment_unknown : DECODE_METERED;
}

/* A cut IPv6 packet is ignored, while a cut IPv4 packet is metered. */
static enum decode_reason nfstream_ipv6(struct nfstream_walk *walk, size_t *tunnel_at, bool *again) {
    struct nfstream_ipv6_payload payload;
    if (!nfstream_have(walk, walk->ip, IPV6_HEADER) ||
        !nfstream_have(walk, walk->ip + IPV6_HEADER, nfstream_u16(walk, walk->ip + 4)))
        return DECODE_ip_truncated;
    walk->is_ipv4 = false;
    enum decode_reason reason = nfstream_ipv6_payload(walk, &payload);
    if (reason != DECODE_METERED)
        return reason;
    walk->protocol = payload.protocol;
    *tunnel_at = payload.length; /* the length of the payload where the length of the headers is meant */
    if (is_ip_in_ip(payload.protocol)) {
        walk->ip = payload.offset;
        *again = true;
    }
    return DECODE_METERED;
}

enum decode_reason nfstream_network(struct nfstream_walk *walk, bool decode_tunnels) {
    enum decode_reason reason = nfstream_descend(walk);
    size_t tunnel_at = 0;
    bool again = false;
    if (reason != DECODE_METERED)
        return reason;
    if (!nfstream_have(walk, walk->ip, IPV4_HEADER))
        return DECODE_ip_truncated;
    if (walk->type == TYPE_IPV4) {
        walk->fragment = nfstream_u16(walk, walk->ip + 6);
        walk->protocol = walk->bytes[walk->ip + 9];
    }
    switch (walk->bytes[walk->ip] >> 4) {
    case 4: reason = nfstream_ipv4(walk, &tunnel_at, &again); break;
    case 6: reason = nfstream_ipv6(walk, &tunnel_at, &again); break;
    default: return DECODE_not_ip;
    }
    if (reason != DECODE_METERED || again)
        return reason;
    walk->step = NFSTREAM_METER;
    return decode_tunnels && walk->protocol == PROTOCOL_UDP ? nfstream_tunnel(walk, tunnel_at)
                                                            : DECODE_METERED;
}

/* A byte of the transport header, 0 where it was not captured (NFStream reads beyond the captured bytes). */
static uint8_t transport_byte(const struct nfstream_walk *walk, size_t offset) {
    return offset < walk->captured ? walk->bytes[offset] : 0;
}

static void nfstream_ports(const struct nfstream_walk *walk, size_t offset) {
    walk->packet->source_port =
        (uint16_t)((transport_byte(walk, offset) << 8) | transport_byte(walk, offset + 1));
    walk->packet->destination_port =
        (uint16_t)((transport_byte(walk, offset + 2) << 8) | transport_byte(walk, offset + 3));
}

/* Other protocols have neither ports nor sizes; nor have TCP and UDP that are too short for their header. */
static void nfstream_transport(const struct nfstream_walk *walk, size_t offset, uint16_t length) {
    struct packet *packet = walk->packet;
    uint32_t header = 8;
    if (packet->protocol == PROTOCOL_TCP && length >= 20) {
        nfstream_ports(walk, offset);
        packet->tcp_flags = transport_byte(walk, offset + 13);
        header = (uint32_t)(transport_byte(walk, offset + 12) >> 4) * 4;
    } else if (packet->protocol == PROTOCOL_UDP && length >= 8) {
        nfstream_ports(walk, offset);
    } else if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMPV6) {
        if (length >= 2 && nfstream_have(walk, offset, 2)) {
            packet->icmp_type = walk->bytes[offset];
            packet->icmp_code = walk->bytes[offset + 1];
            packet->flags |= PACKET_HAS_ICMP;
        }
    } else {
        return;
    }
    packet->size[ACCOUNT_TRANSPORT] = length;
    packet->size[ACCOUNT_PAYLOAD] = length > header ? length - header : 0;
}

/* Lengths are 16 bits wide and wrap: a total length shorter than its header makes the packet longer than captured. */
static enum decode_reason meter_ipv4(struct nfstream_walk *walk, size_t *offset, uint16_t *length) {
    struct packet *packet = walk->packet;
    const uint8_t *header = walk->bytes + walk->ip;
    uint16_t header_length = ipv4_header_length(walk);
    uint16_t total = nfstream_u16(walk, walk->ip + 2);
    if (!nfstream_have(walk, walk->ip, header_length))
        return DECODE_ip_truncated;
    *offset = walk->ip + header_length;
    *length = (uint16_t)(total - header_length);
    packet->protocol = header[9];
    packet->ip_version = 4;
    packet->size[ACCOUNT_IP] = total;
    memcpy(packet->source, header + 12, 4);
    memcpy(packet->destination, header + 16, 4);
    if (nfstream_u16(walk, walk->ip + 6) & (MORE_FRAGMENTS | FRAGMENT_OFFSET))
        packet->flags |= PACKET_FRAGMENT;
    return DECODE_METERED;
}

static enum decode_reason meter_ipv6(struct nfstream_walk *walk, size_t *offset, uint16_t *length) {
    struct packet *packet = walk->packet;
    struct nfstream_ipv6_payload payload;
    const uint8_t *header = walk->bytes + walk->ip;
    uint16_t announced = nfstream_u16(walk, walk->ip + 4);
    if (!nfstream_have(walk, walk->ip + IPV6_HEADER, announced))
        return DECODE_ip_truncated;
    enum decode_reason reason = nfstream_ipv6_payload(walk, &payload);
    if (reason != DECODE_METERED)
        return reason;
    if (payload.offset > walk->captured)
        return DECODE_ip_extension;
    *offset = payload.offset;
    *length = (uint16_t)payload.length;
    packet->protocol = payload.protocol;
    packet->ip_version = 6;
    packet->size[ACCOUNT_IP] = (uint16_t)(IPV6_HEADER + announced);
    memcpy(packet->source, header + 8, 16);
    memcpy(packet->destination, header + 24, 16);
    return DECODE_METERED;
}

/* The captured length from the IP header on is kept in 16 bits: 65,536 bytes become 0. The transport header is still
 * read. */
enum decode_reason nfstream_meter(struct nfstream_walk *walk, uint32_t wire_length) {
    struct packet *packet = walk->packet;
    size_t captured = walk->captured;
    size_t offset = 0;
    uint16_t length = 0;
    if (captured > walk->ip)
        walk->captured = walk->ip + (uint16_t)(captured - walk->ip);
    if (!nfstream_have(walk, walk->ip, walk->is_ipv4 ? IPV4_HEADER : IPV6_HEADER))
        return DECODE_ip_truncated;
    enum decode_reason reason =
        walk->is_ipv4 ? meter_ipv4(walk, &offset, &length) : meter_ipv6(walk, &offset, &length);
    if (reason != DECODE_METERED)
        return reason;
    size_t available = walk->captured - walk->ip;
    size_t longest = packet->size[ACCOUNT_IP] > available ? packet->size[ACCOUNT_IP] : available;
    if (longest < offset - walk->ip + length)
        return DECODE_ip_malformed;
    if (packet->size[ACCOUNT_IP] > available)
        packet->flags |= PACKET_TRUNCATED;
    packet->ip = walk->bytes + walk->ip;
    packet->ip_captured = (uint32_t)available;
    packet->size[ACCOUNT_RAW] = (uint16_t)wire_length;
    walk->captured = captured;
    nfstream_transport(walk, offset, length);
    return DECODE_METERED;
}

enum decode_reason nfstream_decode(const struct frame *frame, bool decode_tunnels, struct packet *packet) {
    struct nfstream_walk walk = {
        .bytes = frame->bytes,
        .captured = frame->captured_length,
        .link_type = frame->link_type,
        .step = NFSTREAM_LINK,
        .packet = packet,
    };
    enum decode_reason reason = DECODE_METERED;
    while (reason == DECODE_METERED && walk.step != NFSTREAM_METER)
        reason = walk.step == NFSTREAM_LINK ? nfstream_link(&walk) : nfstream_network(&walk, decode_tunnels);
    return reason == DECODE_METERED ? nfstream_meter(&walk, frame->wire_length) : reason;
}
