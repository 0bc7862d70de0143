/* Linux cooked captures, version 1: the protocol ends the header. */
#include "decode/link/link.h"

enum {
    HEADER = 16,
    NOVELL_802_3 = 0x0001, /* without 802.2: never IP */
    FRAME_802_2 = 0x0004,
};

enum decode_reason link_cooked_protocol(struct native_walk *walk, uint16_t protocol) {
    if (protocol == FRAME_802_2)
        return native_llc(walk);
    return protocol == NOVELL_802_3 ? DECODE_not_ip : native_ethertype(walk, protocol);
}

enum decode_reason link_linux_sll(struct native_walk *walk) {
    if (!native_have(walk, HEADER))
        return DECODE_link_truncated;
    walk->offset += HEADER;
    return link_cooked_protocol(walk, bytes_u16(walk->frame, walk->offset - 2));
}
