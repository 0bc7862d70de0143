/* BSD's loopback: the address family, in the byte order of the capturing host (NULL) or of the network (LOOP). */
#include "decode/link/link.h"

enum decode_reason link_family(struct native_walk *walk, uint32_t family) {
    switch (family) {
    case 2: /* AF_INET everywhere */ walk->version = 4; return DECODE_METERED;
    case 10: /* AF_INET6 of Linux, */
    case 23: /* Windows, */
    case 24: /* NetBSD and OpenBSD, */
    case 28: /* FreeBSD, */
    case 30: /* macOS */ walk->version = 6; return DECODE_METERED;
    default: return native_foreign(walk, FOREIGN_FAMILY, (uint16_t)family);
    }
}

enum decode_reason link_bsd_loopback(struct native_walk *walk) {
    if (!native_have(walk, 4))
        return DECODE_link_truncated;
    uint32_t family = bytes_u32(walk->frame, walk->offset);
    if (family > UINT16_MAX)
        family = __builtin_bswap32(family);
    walk->offset += 4;
    return link_family(walk, family);
}
