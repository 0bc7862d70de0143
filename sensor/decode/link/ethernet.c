/* Ethernet: with a type (DIX) or with a length and 802.2. */
#include <string.h>

#include "decode/link/link.h"
#include "decode/walk/ethertypes.h"

enum decode_reason link_ethernet(struct native_walk *walk) {
    if (!native_have(walk, 14))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    memcpy(walk->packet->destination_mac, header, 6);
    memcpy(walk->packet->source_mac, header + 6, 6);
    walk->packet->flags |= PACKET_HAS_MAC;
    walk->offset += 14;
    uint16_t type = bytes_u16(walk->frame, walk->offset - 2);
    return type >= ETHERTYPE_FIRST ? native_ethertype(walk, type) : native_llc(walk);
}
