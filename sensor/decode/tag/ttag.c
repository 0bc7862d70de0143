/* Cisco's TTag: a time stamp of 48 bits before a mirrored frame's EtherType. It has no EtherType of its own: switches
 * use the two that IEEE 802 reserves for experiments. So it is accepted only if IP follows. */
#include "decode/tag/tag.h"

enum { LENGTH = 8, IPV4_HEADER = 20 };

/* An IP header with possible lengths; its first 20 bytes are there. */
static bool is_ip(struct bytes rest, uint16_t type) {
    uint8_t first = bytes_u8(rest, 0);
    if (type == ETHERTYPE_IPV4)
        return first >> 4 == 4 && (first & 15) * 4 >= IPV4_HEADER && bytes_u16(rest, 2) >= (first & 15) * 4;
    return type == ETHERTYPE_IPV6 && first >> 4 == 6;
}

enum decode_reason tag_ttag(struct native_walk *walk, uint16_t *type) {
    enum decode_reason reason = tag_skip(walk, LENGTH, type);
    if (reason != DECODE_METERED)
        return reason;
    if (*type != ETHERTYPE_IPV4 && *type != ETHERTYPE_IPV6)
        return DECODE_not_ip;
    if (!native_have(walk, IPV4_HEADER))
        return DECODE_link_truncated;
    return is_ip(bytes_from(walk->frame, walk->offset), *type) ? DECODE_METERED : DECODE_not_ip;
}
