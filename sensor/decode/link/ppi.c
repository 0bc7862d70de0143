/* PPI, Per-Packet Information: the header has fields about how a frame was received, and the link type of the frame after
 * it. */
#include "decode/link/link.h"

enum {
    HEADER = 8,
    IS_ALIGNED = 0x01, /* each field begins at a multiple of 4 */
    FIELD = 4,         /* type and length */
    FIELD_802_11_COMMON = 2,
    COMMON_LENGTH = 20,
    COMMON_FLAGS = 8,
    FLAG_BAD_FCS = 0x04,
    FLAG_BAD_PHY = 0x08,
};

/* Whether some field says that the frame is damaged. The header has `length` bytes, all of them captured. */
static bool is_damaged(const uint8_t *header, size_t length) {
    for (size_t offset = HEADER; offset + FIELD <= length;) {
        size_t size = bytes_little_u16(header + offset + 2);
        size_t next = offset + FIELD + size;
        if (next > length)
            return false;
        if (bytes_little_u16(header + offset) == FIELD_802_11_COMMON && size >= COMMON_LENGTH &&
            (bytes_little_u16(header + offset + FIELD + COMMON_FLAGS) & (FLAG_BAD_FCS | FLAG_BAD_PHY)) != 0)
            return true;
        offset = header[1] & IS_ALIGNED ? (next + 3) & ~(size_t)3 : next;
    }
    return false;
}

enum decode_reason link_ppi(struct native_walk *walk) {
    if (!native_have(walk, HEADER))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    size_t length = bytes_little_u16(header + 2);
    if (header[0] != 0)
        return DECODE_not_ip; /* another version */
    if (length < HEADER || !native_have(walk, length))
        return DECODE_link_truncated;
    if (is_damaged(header, length))
        return DECODE_link_damaged;
    walk->offset += length;
    return native_link(walk, (int)bytes_little_u32(header + 4));
}
