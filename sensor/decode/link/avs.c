/* IEEE 802.11 behind AVS' header. */
#include "decode/link/link.h"

enum { SHORTEST = 8 };

enum decode_reason link_avs(struct native_walk *walk) {
    if (!native_have(walk, SHORTEST))
        return DECODE_link_truncated;
    size_t length = bytes_u32(walk->frame, walk->offset + 4);
    if (length < SHORTEST || !native_have(walk, length))
        return DECODE_link_truncated;
    walk->offset += length;
    return native_wifi(walk, false, false);
}
