/* Link layers of the native dialect, down to the IP header. */
#include <string.h>

#include "decode/link_types.h"
#include "decode/native.h"

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_VLAN_SERVICE = 0x88a8, /* IEEE 802.1ad */
    TYPE_VLAN_STACKED = 0x9100, /* what vendors used before 802.1ad */
    TYPE_MPLS_UNICAST = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_PPPOE_SESSION = 0x8864,
    FIRST_ETHERTYPE = 0x600,

    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS_UNICAST = 0x0281,
    PPP_MPLS_MULTICAST = 0x0283,

    SLL_802_3 = 0x0001, /* Novell's, without 802.2: never IP */
    SLL_802_2 = 0x0004,

    SAP_IP = 0x06,
    SAP_SNAP = 0xaa,
};

/* A type field of Ethernet or of a VLAN tag: from 0x600 on an EtherType, below the length of an 802.2 frame. */
static enum decode_reason type_or_length(struct native_walk *walk, uint16_t value) {
    return value >= FIRST_ETHERTYPE ? native_ethertype(walk, value) : native_llc(walk);
}

enum decode_reason native_llc(struct native_walk *walk) {
    if (!native_have(walk, 3))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    if (header[0] == SAP_IP && header[1] == SAP_IP) {
        walk->offset += 3;
        return native_ethertype(walk, TYPE_IPV4);
    }
    if (header[0] != SAP_SNAP || header[1] != SAP_SNAP)
        return DECODE_not_ip;
    if (!native_have(walk, 8))
        return DECODE_link_truncated;
    walk->offset += 8;
    /* The organizations that mean "an EtherType follows": RFC 1042 and IEEE 802.1H. */
    if (memcmp(header + 3, "\0\0\0", 3) != 0 && memcmp(header + 3, "\0\0\xf8", 3) != 0)
        return DECODE_not_ip;
    return native_ethertype(walk, bytes_u16(walk->frame, walk->offset - 2));
}

/* One tag; the type of what follows it in `*type`. */
static enum decode_reason vlan_tag(struct native_walk *walk, uint16_t *type) {
    if (!native_have(walk, 4))
        return DECODE_link_truncated;
    walk->packet->vlan_id = bytes_u16(walk->frame, walk->offset) & 0xfff;
    *type = bytes_u16(walk->frame, walk->offset + 2);
    walk->offset += 4;
    return native_descend(walk);
}

/* What the labels carry is known to their ends only; IP shows by its version. */
static enum decode_reason mpls(struct native_walk *walk) {
    bool bottom = false;
    while (!bottom) {
        enum decode_reason reason = native_descend(walk);
        if (reason != DECODE_METERED)
            return reason;
        if (!native_have(walk, 4))
            return DECODE_link_truncated;
        bottom = bytes_u8(walk->frame, walk->offset + 2) & 1;
        walk->offset += 4;
    }
    if (!native_have(walk, 1))
        return DECODE_link_truncated;
    uint8_t version = bytes_u8(walk->frame, walk->offset) >> 4;
    return version == 4 || version == 6 ? DECODE_METERED : DECODE_not_ip;
}

static enum decode_reason ppp_protocol(struct native_walk *walk) {
    if (!native_have(walk, 2))
        return DECODE_link_truncated;
    /* RFC 1661, 6.5: an odd first byte is all of a compressed protocol number. */
    uint16_t protocol = bytes_u8(walk->frame, walk->offset);
    size_t length = protocol & 1 ? 1 : 2;
    if (length == 2)
        protocol = bytes_u16(walk->frame, walk->offset);
    walk->offset += length;
    switch (protocol) {
    case PPP_IPV4:
    case PPP_IPV6: return DECODE_METERED;
    case PPP_MPLS_UNICAST:
    case PPP_MPLS_MULTICAST: return mpls(walk);
    default: return DECODE_not_ip;
    }
}

static enum decode_reason pppoe(struct native_walk *walk) {
    if (!native_have(walk, 6))
        return DECODE_link_truncated;
    walk->offset += 6;
    enum decode_reason reason = native_descend(walk);
    return reason == DECODE_METERED ? ppp_protocol(walk) : reason;
}

enum decode_reason native_ethertype(struct native_walk *walk, uint16_t type) {
    bool tagged = false;
    while (type == TYPE_VLAN || type == TYPE_VLAN_SERVICE || type == TYPE_VLAN_STACKED) {
        enum decode_reason reason = vlan_tag(walk, &type);
        if (reason != DECODE_METERED)
            return reason;
        tagged = true;
    }
    /* A length instead of a type makes sense behind a tag only; SNAP within SNAP would have no end. */
    if (type < FIRST_ETHERTYPE)
        return tagged ? native_llc(walk) : DECODE_not_ip;
    switch (type) {
    case TYPE_IPV4:
    case TYPE_IPV6: return DECODE_METERED;
    case TYPE_MPLS_UNICAST:
    case TYPE_MPLS_MULTICAST: return mpls(walk);
    case TYPE_PPPOE_SESSION: return pppoe(walk);
    default: return DECODE_not_ip;
    }
}

static enum decode_reason ethernet(struct native_walk *walk) {
    if (!native_have(walk, 14))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    memcpy(walk->packet->destination_mac, header, 6);
    memcpy(walk->packet->source_mac, header + 6, 6);
    walk->packet->flags |= PACKET_HAS_MAC;
    walk->offset += 14;
    return type_or_length(walk, bytes_u16(walk->frame, walk->offset - 2));
}

/* The address family in front of BSD's loopback: in the byte order of whoever captured (NULL) or of the network (LOOP). */
static enum decode_reason null_or_loop(struct native_walk *walk) {
    if (!native_have(walk, 4))
        return DECODE_link_truncated;
    uint32_t family = bytes_u32(walk->frame, walk->offset);
    if (family > UINT16_MAX)
        family = __builtin_bswap32(family);
    walk->offset += 4;
    switch (family) {
    case 2:  /* AF_INET everywhere */
    case 10: /* AF_INET6 of Linux, */
    case 23: /* Windows, */
    case 24: /* NetBSD and OpenBSD, */
    case 28: /* FreeBSD, */
    case 30: /* macOS */ return DECODE_METERED;
    default: return DECODE_not_ip;
    }
}

static enum decode_reason cisco_hdlc(struct native_walk *walk) {
    if (!native_have(walk, 4))
        return DECODE_link_truncated;
    walk->offset += 4;
    return native_ethertype(walk, bytes_u16(walk->frame, walk->offset - 2));
}

/* PPP with or without HDLC-like framing (RFC 1662), or Cisco HDLC: the first byte tells them apart. */
static enum decode_reason ppp(struct native_walk *walk) {
    if (!native_have(walk, 2))
        return DECODE_link_truncated;
    uint16_t start = bytes_u16(walk->frame, walk->offset);
    if (start == 0x0f00 || start == 0x8f00)
        return cisco_hdlc(walk);
    if (start == 0xff03)
        walk->offset += 2;
    return ppp_protocol(walk);
}

/* Linux cooked captures: of version 1 the protocol ends the header, of version 2 it begins it. */
static enum decode_reason linux_cooked(struct native_walk *walk, size_t header_length,
                                       size_t protocol_offset) {
    if (!native_have(walk, header_length))
        return DECODE_link_truncated;
    uint16_t protocol = bytes_u16(walk->frame, walk->offset + protocol_offset);
    walk->offset += header_length;
    if (protocol == SLL_802_2)
        return native_llc(walk);
    return protocol == SLL_802_3 ? DECODE_not_ip : native_ethertype(walk, protocol);
}

enum decode_reason native_link(struct native_walk *walk, int link_type) {
    enum decode_reason reason = native_descend(walk);
    if (reason != DECODE_METERED)
        return reason;
    switch (link_type) {
    case LINK_ETHERNET: return ethernet(walk);
    case LINK_RAW:
    case LINK_RAW_OPENBSD:
    case LINK_RAW_FILE:
    case LINK_IPV4:
    case LINK_IPV6: return DECODE_METERED;
    case LINK_NULL:
    case LINK_LOOP: return null_or_loop(walk);
    case LINK_LINUX_SLL: return linux_cooked(walk, 16, 14);
    case LINK_LINUX_SLL2: return linux_cooked(walk, 20, 0);
    case LINK_PPP:
    case LINK_PPP_SERIAL: return ppp(walk);
    case LINK_PPP_ETHER: return pppoe(walk);
    case LINK_C_HDLC: return cisco_hdlc(walk);
    case LINK_IEEE802_11: return native_wifi(walk, false);
    case LINK_IEEE802_11_RADIO: return native_radiotap(walk);
    default: return DECODE_link_type;
    }
}
