/* The time stamps that Arista's switches put before a mirrored frame's EtherType. */
#include "decode/tag/tag.h"

enum {
    START = 4, /* subtype, time scale, format and kind of hardware */
    SUBTYPE_TIMESTAMP = 1,
    SCALE_UTC = 1, /* 0: TAI */
    FORMAT_64 = 1,
    FORMAT_48 = 2,
};

enum decode_reason tag_arista(struct native_walk *walk, uint16_t *type) {
    if (!native_have(walk, START))
        return DECODE_link_truncated;
    uint16_t subtype = bytes_u16(walk->frame, walk->offset);
    uint8_t scale = bytes_u8(walk->frame, walk->offset + 2);
    if (subtype != SUBTYPE_TIMESTAMP || scale > SCALE_UTC)
        return DECODE_not_ip;
    switch (bytes_u8(walk->frame, walk->offset + 3) >> 4) {
    case FORMAT_64: return tag_skip(walk, START + 8 + 2, type);
    case FORMAT_48: return tag_skip(walk, START + 6 + 2, type);
    default: return DECODE_not_ip;
    }
}
