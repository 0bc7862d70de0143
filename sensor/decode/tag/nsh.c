/* NSH, the Network Service Header (RFC 8300): a packet's path through a chain of services. The path is not part of the flow
 * key: its index changes at each service, and the two directions may have different paths. */
#include "decode/tag/tag.h"

#include "decode/walk/link_types.h"

enum {
    SHORTEST = 8,
    VERSION = 0xc000,
    IS_OAM = 0x2000,
    LENGTH = 0x003f, /* in units of 4 bytes */
    FIXED_METADATA = 1,
    VARIABLE_METADATA = 2,
    FIXED_LENGTH = 24,
    NEXT_IPV4 = 1,
    NEXT_IPV6 = 2,
    NEXT_ETHERNET = 3,
    NEXT_NSH = 4,
    NEXT_MPLS = 5,
};

/* The length of the header at walk->offset; 0 if it is no header of a user's packet. */
static size_t nsh_header_length(const struct native_walk *walk) {
    uint16_t first = bytes_u16(walk->frame, walk->offset);
    uint8_t metadata = bytes_u8(walk->frame, walk->offset + 2) & 0x0f;
    size_t length = (size_t)(first & LENGTH) * 4;
    if ((first & (VERSION | IS_OAM)) != 0 || length < SHORTEST)
        return 0;
    if (metadata == FIXED_METADATA)
        return length == FIXED_LENGTH ? length : 0;
    return metadata == VARIABLE_METADATA ? length : 0;
}

static enum decode_reason nsh_ethernet(struct native_walk *walk, uint16_t *type) {
    enum decode_reason reason = native_link(walk, LINK_ETHERNET);
    *type = walk->version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    return reason;
}

enum decode_reason tag_nsh(struct native_walk *walk, uint16_t *type) {
    if (!native_have(walk, SHORTEST))
        return DECODE_link_truncated;
    size_t length = nsh_header_length(walk);
    uint8_t next = bytes_u8(walk->frame, walk->offset + 3);
    if (length == 0)
        return DECODE_not_ip;
    if (!native_have(walk, length))
        return DECODE_link_truncated;
    walk->offset += length;
    enum decode_reason reason = native_descend(walk);
    if (reason != DECODE_METERED)
        return reason;
    switch (next) {
    case NEXT_IPV4: *type = ETHERTYPE_IPV4; return DECODE_METERED;
    case NEXT_IPV6: *type = ETHERTYPE_IPV6; return DECODE_METERED;
    case NEXT_ETHERNET: return nsh_ethernet(walk, type);
    case NEXT_NSH: return DECODE_METERED; /* the same EtherType again */
    case NEXT_MPLS: *type = ETHERTYPE_MPLS; return DECODE_METERED;
    default: return DECODE_not_ip;
    }
}
