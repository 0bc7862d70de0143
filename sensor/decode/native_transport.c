/* Transport headers of the native dialect. */
#include <string.h>

#include "decode/native.h"

enum {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_SCTP = 132,
    PROTOCOL_UDP_LITE = 136,
    TCP_HEADER = 20,
    SCTP_HEADER = 12,
    SCTP_INIT_ACK = 2,
};

/* The length of the transport header, for protocols whose sizes are recorded (NFStream's, and SCTP and UDP-Lite); 0 for
 * others. */
static size_t transport_header_length(uint8_t protocol) {
    switch (protocol) {
    case PROTOCOL_TCP: return TCP_HEADER;
    case PROTOCOL_SCTP: return SCTP_HEADER;
    case PROTOCOL_UDP:
    case PROTOCOL_UDP_LITE:
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6: return 8;
    default: return 0;
    }
}

static bool protocol_has_ports(uint8_t protocol) {
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP ||
           protocol == PROTOCOL_UDP_LITE;
}

/* The decoder's time if this packet is metered. */
static int64_t now_of(const struct native_walk *walk) {
    return walk->time > walk->decoder->time ? walk->time : walk->decoder->time;
}

struct fragment_key native_fragment_key(const struct native_walk *walk) {
    const struct packet *packet = walk->packet;
    struct fragment_key key = {
        .identification = walk->identification,
        .vlan_id = packet->vlan_id,
        .protocol = walk->carried,
        .tunnel = packet->tunnel,
        .tunnel_path = packet->tunnel_path,
    };
    memcpy(key.source, packet->source, sizeof key.source);
    memcpy(key.destination, packet->destination, sizeof key.destination);
    return key;
}

void native_remember(struct native_walk *walk, const struct fragment_key *key,
                     const struct fragment_datagram *datagram) {
    struct decoder *decoder = walk->decoder;
    int64_t now = now_of(walk);
    fragment_remember(&decoder->fragments, key, datagram, now);
    held_release(&decoder->held, key, datagram, now - FRAGMENT_LIFETIME_US);
}

/* Whether a later fragment can't be metered without its first one. */
static bool needs_first_fragment(const struct native_walk *walk) {
    uint8_t protocol = walk->carried;
    return walk->packet->ip_version == 6 || protocol_has_ports(protocol) || protocol == PROTOCOL_AH ||
           (native_carries_tunnels(protocol) && walk->decoder->options.decode_tunnels);
}

static void remember_first(struct native_walk *walk) {
    const struct packet *packet = walk->packet;
    struct fragment_key key = native_fragment_key(walk);
    struct fragment_datagram datagram = {
        .source_port = packet->source_port,
        .destination_port = packet->destination_port,
        .protocol = packet->protocol,
        .icmp_type = packet->icmp_type,
        .icmp_code = packet->icmp_code,
        .flags = packet->flags & PACKET_HAS_ICMP,
        .has_sizes = transport_header_length(packet->protocol) != 0,
    };
    native_remember(walk, &key, &datagram);
}

static void set_sizes(struct native_walk *walk, size_t header) {
    uint32_t *size = walk->packet->size;
    size[ACCOUNT_TRANSPORT] = (uint32_t)walk->transport_length;
    size[ACCOUNT_PAYLOAD] = walk->transport_length > header ? (uint32_t)(walk->transport_length - header) : 0;
}

static enum decode_reason hold_fragment(struct native_walk *walk, const struct fragment_key *key) {
    struct decoder *decoder = walk->decoder;
    struct packet *packet = walk->packet;
    int64_t now = now_of(walk);
    if (walk->time < now)
        packet->flags |= PACKET_TIME_RAISED;
    packet->time = now;
    held_expire(&decoder->held, now - FRAGMENT_LIFETIME_US);
    return held_put(&decoder->held, key, packet) ? DECODE_HELD : DECODE_fragment_unknown;
}

static enum decode_reason later_fragment(struct native_walk *walk) {
    set_sizes(walk, 0);
    if (!needs_first_fragment(walk)) {
        uint8_t protocol = walk->packet->protocol;
        const struct fragment_datagram datagram = {
            .protocol = protocol,
            .has_sizes = transport_header_length(protocol) != 0,
        };
        fragment_describe(&datagram, walk->packet);
        return DECODE_METERED;
    }
    struct fragment_key key = native_fragment_key(walk);
    const struct fragment_datagram *datagram = fragment_recall(&walk->decoder->fragments, &key, now_of(walk));
    if (datagram == NULL)
        return hold_fragment(walk, &key);
    if (datagram->looked_into)
        return DECODE_fragment_unknown;
    fragment_describe(datagram, walk->packet);
    return DECODE_METERED;
}

/* A datagram whose own length is too short for ports has none. A datagram that was cut before its ports is not metered; nor
 * is a first fragment that ends before them. */
static enum decode_reason read_ports(struct native_walk *walk) {
    if (walk->transport_length < 4)
        return walk->first_fragment ? DECODE_transport_truncated : DECODE_METERED;
    if (!native_have(walk, 4))
        return DECODE_transport_truncated;
    walk->packet->source_port = bytes_u16(walk->frame, walk->offset);
    walk->packet->destination_port = bytes_u16(walk->frame, walk->offset + 2);
    return DECODE_METERED;
}

/* TCP's flags, and the length of its header; both as far as they were captured. */
static size_t read_tcp(struct native_walk *walk) {
    if (!native_have(walk, 14))
        return TCP_HEADER;
    uint8_t flags = bytes_u8(walk->frame, walk->offset + 13);
    walk->packet->tcp_flags = flags;
    walk->packet->tcp_sequence = bytes_u32(walk->frame, walk->offset + 4);
    walk->packet->tcp_acknowledgment = bytes_u32(walk->frame, walk->offset + 8);
    walk->packet->answers = (flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    return (size_t)(bytes_u8(walk->frame, walk->offset + 12) >> 4) * 4;
}

/* INIT ACK is always its packet's only chunk (RFC 9260, 6.10). */
static void read_sctp(struct native_walk *walk) {
    if (native_have(walk, SCTP_HEADER + 1))
        walk->packet->answers = bytes_u8(walk->frame, walk->offset + SCTP_HEADER) == SCTP_INIT_ACK;
}

static void read_icmp(struct native_walk *walk) {
    if (!native_have(walk, 2))
        return;
    walk->packet->icmp_type = bytes_u8(walk->frame, walk->offset);
    walk->packet->icmp_code = bytes_u8(walk->frame, walk->offset + 1);
    walk->packet->flags |= PACKET_HAS_ICMP;
}

static enum decode_reason transport_read_header(struct native_walk *walk) {
    struct packet *packet = walk->packet;
    size_t header = transport_header_length(packet->protocol);
    enum decode_reason reason = DECODE_METERED;
    if (header == 0)
        return DECODE_METERED;
    if (protocol_has_ports(packet->protocol))
        reason = read_ports(walk);
    else
        read_icmp(walk);
    if (packet->protocol == PROTOCOL_TCP)
        header = read_tcp(walk);
    else if (packet->protocol == PROTOCOL_SCTP)
        read_sctp(walk);
    set_sizes(walk, header);
    return reason;
}

enum decode_reason native_transport(struct native_walk *walk) {
    if (walk->later_fragment)
        return later_fragment(walk);
    enum decode_reason reason = transport_read_header(walk);
    if (walk->first_fragment && reason == DECODE_METERED && needs_first_fragment(walk))
        remember_first(walk);
    return reason;
}
