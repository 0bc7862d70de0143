/* IEEE 802.11 behind radiotap's header. */
#include "decode/link/link.h"

enum {
    TSFT = 1u << 0,
    FLAGS = 1u << 1,
    FLAG_DATA_PAD = 0x20, /* the 802.11 header is padded to a multiple of 4 */
    FLAG_BAD_FCS = 0x40,
};

/* The byte of radiotap's field "flags", 0 if it is absent. The header has `length` bytes, all of them captured. */
static uint8_t radiotap_flags(const uint8_t *header, size_t length) {
    uint32_t present = bytes_little_u32(header + 4);
    size_t offset = 8;
    for (uint32_t more = present; more >> 31 /* another word of presence bits follows */; offset += 4) {
        if (offset + 4 > length)
            return 0;
        more = bytes_little_u32(header + offset);
    }
    if (present & TSFT)
        offset = ((offset + 7) & ~(size_t)7) + 8; /* fields are aligned to their size */
    return (present & FLAGS) && offset < length ? header[offset] : 0;
}

enum decode_reason link_radiotap(struct native_walk *walk) {
    if (!native_have(walk, 8))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    size_t length = header[2] | (size_t)header[3] << 8;
    if (length < 8 || !native_have(walk, length))
        return DECODE_link_truncated;
    uint8_t flags = radiotap_flags(header, length);
    if (flags & FLAG_BAD_FCS)
        return DECODE_link_damaged;
    walk->offset += length;
    return native_wifi(walk, false, flags & FLAG_DATA_PAD);
}
