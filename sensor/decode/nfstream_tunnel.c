/* NFStream's tunnels. In effect they are found behind the outer UDP header of IPv4 only: with IPv6 NFStream looks for the
 * header at a wrong place (by the payload's length instead of the header's), where the ports rarely match. */
#include <string.h>

#include "decode/nfstream.h"

enum { PORT_GTP_U = 2152, PORT_CAPWAP = 5247, PORT_TZSP = 37008, UDP_HEADER = 8 };

/* Skips the extension headers of GTP-U; false if they run out of the frame. `*offset` is at the first one. */
static bool skip_gtp_extensions(const struct nfstream_walk *walk, size_t *offset) {
    while (*offset < walk->captured) {
        size_t length = (size_t)walk->bytes[*offset] * 4;
        *offset += length;
        if (length == 0 || *offset >= walk->captured)
            return false;
        if (walk->bytes[*offset - 1] == 0)
            return true;
    }
    return true;
}

/* What GTP-U carries is metered as it is: no IP-in-IP, no fragment and no second tunnel is looked for in it. A bad
 * extension header leaves the outer packet to be metered. */
static enum decode_reason nfstream_gtp_u(struct nfstream_walk *walk, size_t offset) {
    enum { T_PDU = 255, HAS_OPTIONS = 7, HAS_EXTENSIONS = 4 };
    uint8_t flags = walk->bytes[offset], message = walk->bytes[offset + 1];
    if (flags >> 5 != 1 || message != T_PDU)
        return DECODE_METERED;
    offset += 8;
    if (flags & HAS_OPTIONS)
        offset += 4;
    if ((flags & HAS_EXTENSIONS) && !skip_gtp_extensions(walk, &offset))
        return DECODE_METERED;
    if (offset >= walk->captured)
        return DECODE_METERED;
    uint8_t version = walk->bytes[offset] >> 4;
    walk->packet->tunnel = TUNNEL_GTP_U;
    walk->ip = offset;
    walk->is_ipv4 = version == 4;
    if (version != 4 && version != 6)
        return DECODE_not_ip;
    return nfstream_have(walk, offset, walk->is_ipv4 ? 20 : 40) ? DECODE_METERED : DECODE_ip_truncated;
}

/* NFStream skips exactly one tag, by its length without the two bytes of type and length. The tunnel's number stays even if
 * what follows is not decoded. */
static enum decode_reason nfstream_tzsp(struct nfstream_walk *walk, size_t offset) {
    if (!nfstream_have(walk, offset, 4))
        return DECODE_tunnel_malformed;
    walk->packet->tunnel = TUNNEL_TZSP;
    if (memcmp(walk->bytes + offset, "\1\0\0\1", 4) != 0) /* version 1, received packet, Ethernet */
        return DECODE_METERED;
    offset += 4;
    if (offset >= walk->captured)
        return DECODE_METERED;
    uint8_t tag = walk->bytes[offset];
    if (tag > 1 && offset + 1 >= walk->captured)
        return DECODE_tunnel_malformed;
    offset += tag <= 1 ? 1 : walk->bytes[offset + 1];
    if (offset >= walk->captured)
        return DECODE_tunnel_malformed;
    walk->link = offset;
    walk->step = NFSTREAM_LINK;
    return DECODE_METERED;
}

/* NFStream takes what CAPWAP carries for an 802.11 frame with a header of 24 bytes and LLC/SNAP. The second and third
 * address count as source and destination. */
static enum decode_reason nfstream_capwap(struct nfstream_walk *walk, size_t offset) {
    if (!nfstream_have(walk, offset, 2) || (walk->bytes[offset] & 15) != 0)
        return DECODE_METERED;
    offset += (walk->bytes[offset + 1] & 0xf8) >> 1;
    if (!nfstream_have(walk, offset, 33))
        return DECODE_METERED;
    memcpy(walk->packet->source_mac, walk->bytes + offset + 10, 6);
    memcpy(walk->packet->destination_mac, walk->bytes + offset + 16, 6);
    walk->packet->flags |= PACKET_HAS_MAC;
    walk->packet->tunnel = TUNNEL_CAPWAP;
    walk->type = nfstream_u16(walk, offset + 24 + 6);
    walk->ip = offset + 24 + 8;
    walk->step = NFSTREAM_NETWORK;
    return DECODE_METERED;
}

enum decode_reason nfstream_tunnel(struct nfstream_walk *walk, size_t header_length) {
    size_t udp = walk->ip + header_length;
    if (!nfstream_have(walk, udp, UDP_HEADER))
        return DECODE_transport_truncated;
    uint16_t source = nfstream_u16(walk, udp), destination = nfstream_u16(walk, udp + 2);
    size_t payload = udp + UDP_HEADER;
    if ((source == PORT_GTP_U || destination == PORT_GTP_U) && nfstream_have(walk, payload, 9))
        return nfstream_gtp_u(walk, payload);
    if (source == PORT_TZSP || destination == PORT_TZSP)
        return nfstream_tzsp(walk, payload);
    if (source == PORT_CAPWAP || destination == PORT_CAPWAP)
        return nfstream_capwap(walk, payload);
    return DECODE_METERED;
}
