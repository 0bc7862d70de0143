/* PKTAP, macOS' captures with processes: the header names a packet's process and the link type of the frame after it. */
#include "decode/link/link.h"

enum { SHORTEST = 12, TYPE = 4, TYPE_PACKET = 1, LINK_TYPE = 8 };

enum decode_reason link_pktap(struct native_walk *walk) {
    if (!native_have(walk, SHORTEST))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    size_t length = bytes_little_u32(header);
    if (length < SHORTEST || !native_have(walk, length))
        return DECODE_link_truncated;
    if (bytes_little_u32(header + TYPE) != TYPE_PACKET)
        return DECODE_not_ip;
    walk->offset += length;
    return native_link(walk, (int)bytes_little_u32(header + LINK_TYPE));
}
