/* Linux cooked captures, version 2: the protocol begins the header. */
#include "decode/link/link.h"

enum { HEADER = 20 };

enum decode_reason link_linux_sll2(struct native_walk *walk) {
    if (!native_have(walk, HEADER))
        return DECODE_link_truncated;
    uint16_t protocol = bytes_u16(walk->frame, walk->offset);
    walk->offset += HEADER;
    return link_cooked_protocol(walk, protocol);
}
