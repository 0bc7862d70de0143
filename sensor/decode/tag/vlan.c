/* VLAN tags: IEEE 802.1Q, 802.1ad, and what vendors used before that. The innermost one counts. */
#include "decode/tag/tag.h"

enum decode_reason tag_vlan(struct native_walk *walk, uint16_t *type) {
    if (!native_have(walk, 4))
        return DECODE_link_truncated;
    walk->packet->vlan_id = bytes_u16(walk->frame, walk->offset) & 0xfff;
    return tag_skip(walk, 4, type);
}
