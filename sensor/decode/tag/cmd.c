/* Cisco MetaData: the sender's security group. Version 1 has one option of four bytes. */
#include "decode/tag/tag.h"

enum { VERSION_1_ONE_OPTION = 0x0101 };

enum decode_reason tag_cmd(struct native_walk *walk, uint16_t *type) {
    if (!native_have(walk, 2))
        return DECODE_link_truncated;
    if (bytes_u16(walk->frame, walk->offset) != VERSION_1_ONE_OPTION)
        return DECODE_not_ip;
    return tag_skip(walk, 8, type);
}
