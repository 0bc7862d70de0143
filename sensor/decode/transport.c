/* Transport headers of the native dialect. */
#include <string.h>

#include "decode/native.h"

enum {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_GRE = 47,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_SCTP = 132,
    PROTOCOL_UDP_LITE = 136,
    TCP_HEADER = 20,
};

/* The length of the header of a protocol whose sizes are told (NFStream's rule, and SCTP and UDP-Lite); 0 of others. */
static size_t header_length(uint8_t protocol) {
    switch (protocol) {
    case PROTOCOL_TCP: return TCP_HEADER;
    case PROTOCOL_SCTP: return 12;
    case PROTOCOL_UDP:
    case PROTOCOL_UDP_LITE:
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6: return 8;
    default: return 0;
    }
}

static bool has_ports(uint8_t protocol) {
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP ||
           protocol == PROTOCOL_UDP_LITE;
}

static struct fragment_key fragment_key(const struct native_walk *walk) {
    const struct packet *packet = walk->packet;
    struct fragment_key key = {
        .identification = walk->identification,
        .vlan_id = packet->vlan_id,
        .protocol = packet->protocol,
        .tunnel = packet->tunnel,
        .tunnel_path = packet->tunnel_path,
    };
    memcpy(key.source, packet->source, sizeof key.source);
    memcpy(key.destination, packet->destination, sizeof key.destination);
    return key;
}

static enum decode_reason recall_ports(struct decoder *decoder, struct native_walk *walk, int64_t now) {
    struct fragment_key key = fragment_key(walk);
    struct fragment_ports ports;
    if (!fragment_recall(&decoder->fragments, &key, now, &ports))
        return DECODE_fragment_unknown;
    walk->packet->source_port = ports.source;
    walk->packet->destination_port = ports.destination;
    return DECODE_METERED;
}

/* A datagram too short for ports by its own account has none; one that was cut before them is not metered. */
static enum decode_reason read_ports(struct decoder *decoder, struct native_walk *walk, int64_t now) {
    if (walk->transport_length < 4)
        return DECODE_METERED;
    if (!native_have(walk, 4))
        return DECODE_transport_truncated;
    walk->packet->source_port = bytes_u16(walk->frame, walk->offset);
    walk->packet->destination_port = bytes_u16(walk->frame, walk->offset + 2);
    if (walk->first_fragment) {
        struct fragment_key key = fragment_key(walk);
        struct fragment_ports ports = {walk->packet->source_port, walk->packet->destination_port};
        fragment_remember(&decoder->fragments, &key, ports, now);
    }
    return DECODE_METERED;
}

/* TCP's flags, and the length of its header; both as far as they were captured. */
static size_t read_tcp(struct native_walk *walk) {
    if (!native_have(walk, 14))
        return TCP_HEADER;
    walk->packet->tcp_flags = bytes_u8(walk->frame, walk->offset + 13);
    return (size_t)(bytes_u8(walk->frame, walk->offset + 12) >> 4) * 4;
}

static void read_icmp(struct native_walk *walk) {
    if (!native_have(walk, 2))
        return;
    walk->packet->icmp_type = bytes_u8(walk->frame, walk->offset);
    walk->packet->icmp_code = bytes_u8(walk->frame, walk->offset + 1);
    walk->packet->flags |= PACKET_HAS_ICMP;
}

/* A GRE packet that could not be looked into is metered, and its later fragments with it; those of another one are what
 * is left of an inner packet, whose headers went with the first. */
static enum decode_reason gre_fragment(struct decoder *decoder, struct native_walk *walk, int64_t now) {
    if (walk->later_fragment)
        return recall_ports(decoder, walk, now);
    if (walk->first_fragment) {
        struct fragment_key key = fragment_key(walk);
        fragment_remember(&decoder->fragments, &key, (struct fragment_ports){0}, now);
    }
    return DECODE_METERED;
}

static void set_sizes(struct native_walk *walk, size_t header) {
    uint32_t *size = walk->packet->size;
    size[ACCOUNT_TRANSPORT] = (uint32_t)walk->transport_length;
    size[ACCOUNT_PAYLOAD] = walk->transport_length > header ? (uint32_t)(walk->transport_length - header) : 0;
}

enum decode_reason native_transport(struct decoder *decoder, struct native_walk *walk, int64_t time) {
    struct packet *packet = walk->packet;
    int64_t now = time > decoder->time ? time : decoder->time;
    size_t header = header_length(packet->protocol);
    enum decode_reason reason = DECODE_METERED;
    if (packet->protocol == PROTOCOL_GRE && decoder->options.decode_tunnels)
        return gre_fragment(decoder, walk, now);
    if (header == 0)
        return DECODE_METERED;
    if (walk->later_fragment) {
        set_sizes(walk, 0);
        return has_ports(packet->protocol) ? recall_ports(decoder, walk, now) : DECODE_METERED;
    }
    if (has_ports(packet->protocol))
        reason = read_ports(decoder, walk, now);
    else
        read_icmp(walk);
    if (packet->protocol == PROTOCOL_TCP)
        header = read_tcp(walk);
    set_sizes(walk, header);
    return reason;
}
