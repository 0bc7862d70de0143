/* Cisco HDLC: address, control, and an EtherType. */
#include "decode/link/link.h"

enum decode_reason link_c_hdlc(struct native_walk *walk) {
    if (!native_have(walk, 4))
        return DECODE_link_truncated;
    walk->offset += 4;
    return native_ethertype(walk, bytes_u16(walk->frame, walk->offset - 2));
}
