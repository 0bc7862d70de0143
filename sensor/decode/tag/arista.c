/* The time stamps that Arista's switches put before a mirrored frame's EtherType. */
#include "decode/tag/tag.h"

enum { TIMESTAMP_64 = 0x00010010, TIMESTAMP_48 = 0x00010020 }; /* subtype and version */

enum decode_reason tag_arista(struct native_walk *walk, uint16_t *type) {
    if (!native_have(walk, 4))
        return DECODE_link_truncated;
    switch (bytes_u32(walk->frame, walk->offset)) {
    case TIMESTAMP_64: return tag_skip(walk, 14, type);
    case TIMESTAMP_48: return tag_skip(walk, 12, type);
    default: return DECODE_not_ip;
    }
}
