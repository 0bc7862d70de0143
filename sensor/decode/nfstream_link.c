/* NFStream's link layer: link type, VLAN, PPPoE and MPLS. Any EtherType is accepted: what follows is taken for IP if its
 * version nibble says so. */
#include <string.h>

#include "decode/nfstream.h"
#include "decode/walk/link_types.h"

enum {
    LEAST_FRAME = 28, /* NFStream looks at no shorter one */
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_MPLS_UNICAST = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_PPPOE = 0x8864,
};

static enum decode_reason nfstream_ethernet(struct nfstream_walk *walk) {
    const uint8_t *header = walk->bytes + walk->link;
    uint16_t type_or_length = nfstream_u16(walk, walk->link + 12);
    memcpy(walk->packet->destination_mac, header, 6);
    memcpy(walk->packet->source_mac, header + 6, 6);
    walk->packet->flags |= PACKET_HAS_MAC;
    walk->ip = walk->link + 14;
    if (type_or_length >= 0x600) {
        walk->type = type_or_length;
        return DECODE_METERED;
    }
    if (type_or_length == 0 || type_or_length > 1500)
        return DECODE_METERED; /* neither a type nor a length: the type of an outer header stays */
    if (header[14] == 0xaa || header[15] == 0xaa) {
        /* The type of SNAP is read with its bytes in the wrong order, so that VLAN and MPLS behind SNAP are not seen. */
        walk->type = (uint16_t)(header[20] | (header[21] << 8));
        walk->ip += 8;
        return DECODE_METERED;
    }
    return header[14] == 0x42 || header[15] == 0x42 ? DECODE_not_ip : DECODE_METERED;
}

/* PPP and Cisco HDLC share a branch. The first byte of the frame says which one it is, even inside of TZSP. */
static enum decode_reason ppp_or_hdlc(struct nfstream_walk *walk) {
    bool hdlc = walk->bytes[0] == 0x0f || walk->bytes[0] == 0x8f;
    size_t type = walk->link + (hdlc ? 2 : 0);
    walk->type = nfstream_u16(walk, type);
    walk->ip = type + 2;
    return DECODE_METERED;
}

/* NFStream assumes a radiotap header with a time stamp and flags. It takes the 802.11 header for 26 bytes (QoS data) if
 * exactly one of the DS bits is set, and otherwise for none at all. The second and third address count as source and
 * destination, whatever the DS bits say. */
static enum decode_reason nfstream_radiotap(struct nfstream_walk *walk) {
    enum { BAD_FCS = 0x50, WIFI_HEADER = 24, WIFI_QOS_HEADER = 26, LLC_SNAP = 8 };
    const uint8_t *header = walk->bytes + walk->link;
    size_t wifi = walk->link + (size_t)(header[2] | (header[3] << 8));
    if ((header[16] & BAD_FCS) == BAD_FCS)
        return DECODE_link_damaged;
    if (!nfstream_have(walk, wifi, WIFI_HEADER))
        return DECODE_link_truncated;
    if (((walk->bytes[wifi] >> 2) & 3) != 2)
        return DECODE_not_ip; /* not a data frame */
    memcpy(walk->packet->source_mac, walk->bytes + wifi + 10, 6);
    memcpy(walk->packet->destination_mac, walk->bytes + wifi + 16, 6);
    walk->packet->flags |= PACKET_HAS_MAC;
    bool to_ds = walk->bytes[wifi + 1] & 1, from_ds = walk->bytes[wifi + 1] & 2;
    size_t llc = wifi + (to_ds != from_ds ? WIFI_QOS_HEADER : 0);
    if (!nfstream_have(walk, llc, LLC_SNAP))
        return DECODE_link_truncated;
    if (walk->bytes[llc] == 0xaa)
        walk->type = nfstream_u16(walk, llc + 6);
    walk->ip = llc + LLC_SNAP;
    return DECODE_METERED;
}

static void raw_ip(struct nfstream_walk *walk) {
    uint8_t version = walk->bytes[walk->link] >> 4;
    walk->ip = walk->link;
    if (version == 4)
        walk->type = TYPE_IPV4;
    if (version == 6)
        walk->type = TYPE_IPV6;
}

static enum decode_reason link_header(struct nfstream_walk *walk) {
    const uint8_t *header = walk->bytes + walk->link;
    switch (walk->link_type) {
    case LINK_ETHERNET: return nfstream_ethernet(walk);
    case LINK_NULL:
        /* Everything but AF_INET in network byte order is IPv6; the version nibble corrects it. */
        walk->type = memcmp(header, "\0\0\0\2", 4) == 0 ? TYPE_IPV4 : TYPE_IPV6;
        walk->ip = walk->link + 4;
        return DECODE_METERED;
    case LINK_PPP_SERIAL:
        walk->type = nfstream_u16(walk, walk->link + 2);
        walk->ip = walk->link + 4;
        return DECODE_METERED;
    case LINK_PPP:
    case LINK_C_HDLC: return ppp_or_hdlc(walk);
    case LINK_LINUX_SLL:
        walk->type = nfstream_u16(walk, walk->link + 14);
        walk->ip = walk->link + 16;
        return DECODE_METERED;
    case LINK_IEEE802_11_RADIO: return nfstream_radiotap(walk);
    case LINK_RAW: raw_ip(walk); return DECODE_METERED;
    case LINK_IPV4:
    case LINK_IPV6:
        walk->type = walk->link_type == LINK_IPV4 ? TYPE_IPV4 : TYPE_IPV6;
        walk->ip = walk->link;
        return DECODE_METERED;
    default: return DECODE_link_type;
    }
}

/* The innermost tag's identifier counts. If the first tag is at the very end of the frame, the frame is ignored. Later tags
 * there just end the row of tags. */
static enum decode_reason nfstream_vlan(struct nfstream_walk *walk) {
    if (walk->ip + 4 >= walk->captured)
        return DECODE_link_truncated;
    do {
        enum decode_reason reason = nfstream_descend(walk);
        if (reason != DECODE_METERED)
            return reason;
        walk->packet->vlan_id = nfstream_u16(walk, walk->ip) & 0xfff;
        walk->type = nfstream_u16(walk, walk->ip + 2);
        walk->ip += 4;
    } while (walk->type == TYPE_VLAN && walk->ip + 4 < walk->captured);
    return DECODE_METERED;
}

/* What follows the labels counts as IPv4, until the version nibble is looked at. */
static enum decode_reason nfstream_mpls(struct nfstream_walk *walk) {
    bool bottom = false;
    if (walk->ip + 4 >= walk->captured)
        return DECODE_link_truncated;
    walk->type = TYPE_IPV4;
    while (!bottom && walk->ip + 4 < walk->captured) {
        enum decode_reason reason = nfstream_descend(walk);
        if (reason != DECODE_METERED)
            return reason;
        bottom = walk->bytes[walk->ip + 2] & 1;
        walk->ip += 4;
    }
    return DECODE_METERED;
}

enum decode_reason nfstream_link(struct nfstream_walk *walk) {
    enum decode_reason reason = nfstream_descend(walk);
    if (reason == DECODE_METERED && !nfstream_have(walk, walk->link, LEAST_FRAME))
        reason = DECODE_link_truncated;
    if (reason == DECODE_METERED)
        reason = link_header(walk);
    while (reason == DECODE_METERED) {
        switch (walk->type) {
        case TYPE_VLAN:
            /* After a row of tags, the type may still be that of a tag, which is cut. */
            reason = nfstream_vlan(walk);
            break;
        case TYPE_MPLS_UNICAST:
        case TYPE_MPLS_MULTICAST: reason = nfstream_mpls(walk); break;
        case TYPE_PPPOE:
            /* Whatever the session carries counts as IPv4, until the version nibble is looked at. */
            walk->type = TYPE_IPV4;
            walk->ip += 8;
            break;
        default: walk->step = NFSTREAM_NETWORK; return DECODE_METERED;
        }
    }
    return reason;
}
