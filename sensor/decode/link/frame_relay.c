/* Frame relay with IP as in RFC 2427, or as Cisco does it, with an EtherType in place of the control byte. */
#include <string.h>

#include "decode/link/link.h"
#include "decode/walk/ethertypes.h"
#include "decode/walk/link_types.h"

enum {
    ADDRESS_MAX = 4,
    ADDRESS_ENDS = 0x01,
    UNNUMBERED = 0x03,
    PADDING = 0x00,
    NLPID_SNAP = 0x80,
    NLPID_IPV6 = 0x8e,
    NLPID_IPV4 = 0xcc,
    NLPID_PPP = 0xcf,
    BRIDGED_WITH_FCS = 0x0001,
    BRIDGED = 0x0007,
};

/* Skips the address; each of its bytes says whether it is the last one. False if the address is cut or not valid. */
static bool skip_address(struct native_walk *walk) {
    for (unsigned length = 1; length <= ADDRESS_MAX && native_have(walk, 1); length++) {
        walk->offset++;
        if (bytes_u8(walk->frame, walk->offset - 1) & ADDRESS_ENDS)
            return length > 1;
    }
    return false;
}

static enum decode_reason frame_relay_snap(struct native_walk *walk) {
    if (!native_have(walk, 5))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    uint16_t type = bytes_u16(walk->frame, walk->offset + 3);
    walk->offset += 5;
    if (memcmp(header, "\0\0\0", 3) == 0)
        return native_ethertype(walk, type);
    if (memcmp(header, "\0\x80\xc2", 3) == 0 && (type == BRIDGED || type == BRIDGED_WITH_FCS))
        return native_link(walk, LINK_ETHERNET);
    return DECODE_not_ip;
}

enum decode_reason link_frame_relay(struct native_walk *walk) {
    if (!skip_address(walk) || !native_have(walk, 2))
        return DECODE_link_truncated;
    if (bytes_u8(walk->frame, walk->offset) != UNNUMBERED) {
        walk->offset += 2;
        return native_ethertype(walk, bytes_u16(walk->frame, walk->offset - 2));
    }
    walk->offset += bytes_u8(walk->frame, walk->offset + 1) == PADDING ? 2 : 1;
    if (!native_have(walk, 1))
        return DECODE_link_truncated;
    switch (bytes_u8(walk->frame, walk->offset++)) {
    case NLPID_IPV4: return native_ethertype(walk, ETHERTYPE_IPV4);
    case NLPID_IPV6: return native_ethertype(walk, ETHERTYPE_IPV6);
    case NLPID_PPP: return native_ppp(walk);
    case NLPID_SNAP: return frame_relay_snap(walk);
    default: return DECODE_not_ip;
    }
}
