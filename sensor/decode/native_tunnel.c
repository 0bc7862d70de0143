/* Tunnels in the native dialect: which tunnel a packet may be, and how packets of several tunnels are told apart. */
#include "decode/tunnel/tunnel.h"

#include "decode/native.h"
#include "decode/walk/ethertypes.h"
#include "decode/walk/link_types.h"

enum {
    PROTOCOL_UDP = 17,
    UDP_HEADER = 8,
};

/* Called for every packet. The compiler turns the table into comparisons with constants. */
bool native_carries_tunnels(uint16_t protocol) {
    bool found = false;
#define FIRST(number, ...) number
#define TUNNEL(name, over, ...) \
    found |= TUNNEL_OVER_##over == TUNNEL_OVER_IP && protocol == FIRST(__VA_ARGS__, 0);
#include "decode/tunnel/tunnels.def"
#undef TUNNEL
#undef FIRST
    return found;
}

/* The last step of MurmurHash3: each bit of the result depends on each bit of the word, and different words give
 * different results. */
static uint64_t mix_bits(uint64_t word) {
    word = (word ^ word >> 33) * 0xff51afd7ed558ccd;
    word = (word ^ word >> 33) * 0xc4ceb9fe1a85ec53;
    return word ^ word >> 33;
}

/* A tunnel's path is its identifier, or a value that says that it has none. For nested tunnels it is a digest of the
 * identifiers and kinds of all of them, so that tenants who differ only in an outer tunnel stay apart. The top bit tells
 * the two forms apart. */
static uint64_t tunnel_path_of(const struct packet *outer, bool has_key, uint32_t key) {
    enum { HAS_KEY = 32, NESTED = TUNNEL_PATH_BITS - 1 };
    uint64_t interface = outer->tunnel_path >> TUNNEL_PATH_BITS << TUNNEL_PATH_BITS;
    uint64_t own = interface | (has_key ? UINT64_C(1) << HAS_KEY | key : 0);
    if (outer->tunnel == TUNNEL_NONE)
        return own;
    uint64_t digest = mix_bits(mix_bits(outer->tunnel_path << 8 | outer->tunnel) ^ own);
    return interface | (digest & (UINT64_MAX >> (64 - NESTED))) | UINT64_C(1) << NESTED;
}

static void note_tunnel(const struct decode_options *options, struct packet *packet,
                        const struct tunnel *tunnel, const struct tunnel_inner *inner) {
    bool tells_apart = inner->has_key && options->tunnel_keys != TUNNEL_KEYS_NONE &&
                       !(tunnel->key_differs_by_direction && options->tunnel_keys == TUNNEL_KEYS_SYMMETRIC);
    packet->tunnel_path = tunnel_path_of(packet, tells_apart, inner->key);
    packet->tunnel = (uint8_t)tunnel->kind;
    packet->tunnel_key = inner->key;
    packet->flags &= (uint8_t)~PACKET_HAS_TUNNEL_KEY;
    packet->flags |= inner->has_key ? PACKET_HAS_TUNNEL_KEY : 0;
}

static enum decode_reason try_over_ip(struct native_walk *walk, uint16_t protocol, bool *entered);

/* A tunnel right behind another's header. */
static enum decode_reason enter_another(struct native_walk *walk, uint16_t protocol) {
    bool entered = false;
    enum decode_reason reason = try_over_ip(walk, protocol, &entered);
    return reason == DECODE_METERED && !entered ? DECODE_not_ip : reason;
}

/* From the inner header at walk->offset to the inner IP header. */
static enum decode_reason enter_content(struct native_walk *walk, const struct tunnel_inner *inner) {
    switch (inner->content) {
    case TUNNEL_ETHERNET: return native_link(walk, LINK_ETHERNET);
    case TUNNEL_WIFI:
    case TUNNEL_WIFI_SWAPPED: return native_wifi(walk, inner->content == TUNNEL_WIFI_SWAPPED, false);
    case TUNNEL_PPP: return native_link(walk, LINK_PPP);
    case TUNNEL_LINK: return native_link(walk, inner->type);
    case TUNNEL_ETHERTYPE: return native_ethertype(walk, inner->type);
    case TUNNEL_PROTOCOL: return enter_another(walk, inner->type);
    case TUNNEL_SESSION: return native_unlabelled(walk, false);
    case TUNNEL_IP: break;
    }
    return DECODE_METERED;
}

/* Goes to what the opened tunnel carries at `offset`. If that is negotiation, or something that we don't decode, it is the
 * outer packet's payload. But a frame without IP is ignored as on any link. */
static enum decode_reason go_in(struct native_walk *walk, const struct tunnel *tunnel, size_t offset,
                                const struct tunnel_inner *inner, bool *entered) {
    struct packet *packet = walk->packet, outer = *packet;
    size_t outer_offset = walk->offset;
    if (walk->tunnels == DECODE_TUNNELS_MAX)
        return DECODE_too_deep;
    walk->tunnels++;
    note_tunnel(&walk->decoder->options, packet, tunnel, inner);
    if (inner->vlan_id != 0)
        packet->vlan_id = inner->vlan_id;
    walk->offset = offset;
    enum decode_reason reason = enter_content(walk, inner);
    *entered = reason == DECODE_METERED;
    bool may_be_other = inner->content == TUNNEL_PPP || inner->content == TUNNEL_ETHERTYPE ||
                        inner->content == TUNNEL_PROTOCOL || inner->content == TUNNEL_SESSION;
    if (reason != DECODE_not_ip || !may_be_other)
        return reason;
    walk->tunnels--;
    walk->version = 0;
    walk->offset = outer_offset;
    *packet = outer;
    return DECODE_METERED;
}

/* Tries one tunnel, behind the carrier's header of `header` bytes. */
static enum decode_reason try_tunnel(struct native_walk *walk, const struct tunnel_row *row, size_t header,
                                     bool *entered) {
    size_t start = walk->offset + header;
    bool is_cut = row->carrier == TUNNEL_OVER_ETHERTYPE || (walk->packet->flags & PACKET_TRUNCATED);
    struct tunnel_inner inner = {
        .announced = walk->wire_end > start ? walk->wire_end - start : 0,
        .is_fragment = walk->first_fragment,
    };
    switch (row->tunnel->open(bytes_from(walk->frame, start), &inner)) {
    case TUNNEL_CLOSED: return DECODE_METERED;
    case TUNNEL_CUT: return is_cut ? DECODE_tunnel_malformed : DECODE_METERED;
    case TUNNEL_MALFORMED: return DECODE_tunnel_malformed;
    case TUNNEL_OPEN: break;
    }
    if (inner.content == TUNNEL_ETHERTYPE && inner.type == ETHERTYPE_BRIDGED_ETHERNET)
        inner.content = TUNNEL_ETHERNET;
    return go_in(walk, row->tunnel, start + inner.offset, &inner, entered);
}

/* Tries each tunnel over this carrier with this number, in the table's order, until one opens or is damaged. */
static enum decode_reason try_tunnels(struct native_walk *walk, enum tunnel_carrier carrier, uint16_t number,
                                      bool *entered) {
    enum decode_reason reason = DECODE_METERED;
    for (size_t i = 0; i < TUNNEL_ROWS && reason == DECODE_METERED && !*entered; i++)
        if (tunnel_rows[i].carrier == carrier && tunnel_rows[i].numbers[0] == number)
            reason = try_tunnel(walk, &tunnel_rows[i], 0, entered);
    return reason;
}

static enum decode_reason try_over_ip(struct native_walk *walk, uint16_t protocol, bool *entered) {
    return try_tunnels(walk, TUNNEL_OVER_IP, protocol, entered);
}

/* Tries the tunnels of the two ports, in the table's order. */
static enum decode_reason try_over_udp(struct native_walk *walk, uint16_t source, uint16_t destination,
                                       bool *entered) {
    const struct tunnel_ports *ports = &walk->decoder->tunnel_ports;
    size_t one = tunnel_ports_row(ports, source), other = tunnel_ports_row(ports, destination);
    size_t first = one < other ? one : other, second = one < other ? other : one;
    enum decode_reason reason = try_tunnel(walk, &tunnel_rows[first], UDP_HEADER, entered);
    if (reason == DECODE_METERED && !*entered && second != first && second != TUNNEL_ROWS)
        reason = try_tunnel(walk, &tunnel_rows[second], UDP_HEADER, entered);
    return reason;
}

enum decode_reason native_tunnel(struct native_walk *walk, bool *entered) {
    uint8_t protocol = walk->packet->protocol;
    *entered = false;
    if (walk->later_fragment)
        return DECODE_METERED;
    if (native_carries_tunnels(protocol))
        return try_over_ip(walk, protocol, entered);
    if (protocol != PROTOCOL_UDP || !native_have(walk, 4))
        return DECODE_METERED;
    const struct tunnel_ports *ports = &walk->decoder->tunnel_ports;
    uint16_t source = bytes_u16(walk->frame, walk->offset);
    uint16_t destination = bytes_u16(walk->frame, walk->offset + 2);
    if (tunnel_ports_have(ports, source) || tunnel_ports_have(ports, destination))
        return try_over_udp(walk, source, destination, entered);
    return DECODE_METERED;
}

enum decode_reason native_tunnel_ethertype(struct native_walk *walk, uint16_t type) {
    bool entered = false;
    if (!walk->decoder->options.decode_tunnels)
        return DECODE_not_ip;
    enum decode_reason reason = try_tunnels(walk, TUNNEL_OVER_ETHERTYPE, type, &entered);
    return reason == DECODE_METERED && !entered ? DECODE_not_ip : reason;
}
