/* Linux cooked captures, version 2: the protocol begins the header, the sender's address ends it. */
#include "decode/link/link.h"

enum { HEADER = 20, ADDRESS_LENGTH = 11, ADDRESS = 12 };

enum decode_reason link_linux_sll2(struct native_walk *walk) {
    if (!native_have(walk, HEADER))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    uint16_t protocol = bytes_u16(walk->frame, walk->offset);
    link_note_source(walk, header + ADDRESS, header[ADDRESS_LENGTH]);
    walk->offset += HEADER;
    return link_cooked_protocol(walk, protocol);
}
