/* MPLS (RFC 3032). What the labels carry is known to their ends only; IP shows by its version. */
#include "decode/tag/tag.h"

enum decode_reason tag_mpls(struct native_walk *walk, uint16_t *type) {
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
    *type = version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    return version == 4 || version == 6 ? DECODE_METERED : DECODE_not_ip;
}
