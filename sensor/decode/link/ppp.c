/* PPP with or without HDLC-like framing (RFC 1662), or Cisco HDLC: the first byte tells them apart. */
#include "decode/link/link.h"

enum { CISCO_UNICAST = 0x0f00, CISCO_MULTICAST = 0x8f00, HDLC = 0xff03 };

enum decode_reason link_ppp(struct native_walk *walk) {
    if (!native_have(walk, 2))
        return DECODE_link_truncated;
    uint16_t start = bytes_u16(walk->frame, walk->offset);
    if (start == CISCO_UNICAST || start == CISCO_MULTICAST)
        return link_c_hdlc(walk);
    if (start == HDLC)
        walk->offset += 2;
    return native_ppp(walk);
}
