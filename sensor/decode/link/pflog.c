/* PFLOG: what the BSDs' packet filter logged. The header has its own length, without the padding to a multiple of 4. */
#include "decode/link/link.h"

enum { SHORTEST = 45 };

enum decode_reason link_pflog(struct native_walk *walk) {
    if (!native_have(walk, 2))
        return DECODE_link_truncated;
    size_t length = bytes_u8(walk->frame, walk->offset);
    uint8_t family = bytes_u8(walk->frame, walk->offset + 1);
    size_t padded = (length + 3) & ~(size_t)3;
    if (length < SHORTEST || !native_have(walk, padded))
        return DECODE_link_truncated;
    walk->offset += padded;
    return link_family(walk, family);
}
