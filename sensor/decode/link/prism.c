/* IEEE 802.11 behind Prism's header, which is in the byte order of the capturing host; or behind AVS' header, which is
 * known by its version. */
#include "decode/link/link.h"

enum { SHORTEST = 8, MESSAGE = 0x44, MESSAGE_OLD = 0x41, AVS_VERSIONS = 0x80211, LENGTH = 4 };

static bool is_message(uint32_t code) {
    return code == MESSAGE || code == MESSAGE_OLD;
}

enum decode_reason link_prism(struct native_walk *walk) {
    if (!native_have(walk, SHORTEST))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    uint32_t code = bytes_u32(walk->frame, walk->offset);
    size_t length = bytes_u32(walk->frame, walk->offset + LENGTH);
    if (code >> 12 == AVS_VERSIONS)
        return link_avs(walk);
    if (!is_message(code)) {
        code = bytes_little_u32(header);
        length = bytes_little_u32(header + LENGTH);
    }
    if (!is_message(code))
        return DECODE_not_ip;
    if (length < SHORTEST || !native_have(walk, length))
        return DECODE_link_truncated;
    walk->offset += length;
    return native_wifi(walk, false, false);
}
