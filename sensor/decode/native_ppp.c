/* PPP in the native dialect, behind its framing. */
#include "decode/walk/ethertypes.h"
#include "decode/walk/walk.h"

enum {
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS_UNICAST = 0x0281,
    PPP_MPLS_MULTICAST = 0x0283,
};

enum decode_reason native_ppp(struct native_walk *walk) {
    if (!native_have(walk, 2))
        return DECODE_link_truncated;
    /* RFC 1661, 6.5: an odd first byte is the whole protocol number, compressed. */
    uint16_t protocol = bytes_u8(walk->frame, walk->offset);
    size_t length = protocol & 1 ? 1 : 2;
    if (length == 2)
        protocol = bytes_u16(walk->frame, walk->offset);
    walk->offset += length;
    switch (protocol) {
    case PPP_IPV4: walk->version = 4; return DECODE_METERED;
    case PPP_IPV6: walk->version = 6; return DECODE_METERED;
    case PPP_MPLS_UNICAST:
    case PPP_MPLS_MULTICAST: return native_ethertype(walk, ETHERTYPE_MPLS);
    default: return native_foreign(walk, FOREIGN_PPP, protocol);
    }
}

enum decode_reason native_pppoe(struct native_walk *walk) {
    if (!native_have(walk, 6))
        return DECODE_link_truncated;
    walk->offset += 6;
    enum decode_reason reason = native_descend(walk);
    return reason == DECODE_METERED ? native_ppp(walk) : reason;
}
