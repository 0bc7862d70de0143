/* Finds out what labels or sessions carry if nothing says it: IP or a whole Ethernet frame. The first four bits are not
 * enough, since MAC addresses begin with 4 and 6 too (RFC 4928, RFC 8469). */
#include <string.h>

#include "decode/walk/ethertypes.h"
#include "decode/walk/link_types.h"
#include "decode/walk/walk.h"

enum {
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    IPV6_SOURCE = 8,
    IPV6_DESTINATION = 24,
    ETHERNET_HEADER = 14,
    SNAP_HEADER = 8,
    PPPOE_START = 0x1100, /* version, type and code of a session */
    CONTROL_WORD = 4,
    CONTROL_LENGTH = 0x3f, /* of its second byte */
    TAGS_MAX = 3,
    ENOUGH = 80,     /* bytes that are enough to judge: all of these headers, with tags */
    FRAME_CHECK = 4, /* bytes of the check sequence that some captures have behind the frame */
};

/* How strong the evidence is. From LIKELY on it is taken, unless there is evidence for something else too. */
enum evidence { IMPOSSIBLE, POSSIBLE, LIKELY, PROBABLE, CERTAIN };

static bool is_right_checksum(struct bytes view, size_t offset, size_t length) {
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i += 2)
        sum += bytes_u16(view, offset + i);
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return sum == UINT16_MAX;
}

/* `size`, here and below: bytes on the wire from the header on. */
static bool is_exact(size_t total, size_t size) {
    return total == size || total + FRAME_CHECK == size;
}

/* Protocols that IP carries, IPv6's extension headers among them. */
static bool is_usual_protocol(uint8_t protocol) {
    static const uint8_t usual[] = {0,  1,  2,  4,  6,   17,  41,  43,  44,  47,  50,  51,  58, 59,
                                    60, 88, 89, 97, 103, 112, 115, 132, 135, 136, 137, 139, 140};
    return memchr(usual, protocol, sizeof usual) != NULL;
}

/* With a right checksum a packet may be longer than the frame, since some mirror ports cut packets. A packet of the frame's
 * length may have no checksum: it was left to the network card. */
static enum evidence judge_ipv4(struct bytes view, size_t offset, size_t size) {
    if (!bytes_have(view, offset, IPV4_HEADER) || bytes_u8(view, offset) >> 4 != 4)
        return IMPOSSIBLE;
    size_t header = (size_t)(bytes_u8(view, offset) & 15) * 4;
    size_t total = bytes_u16(view, offset + 2);
    if (header < IPV4_HEADER || !bytes_have(view, offset, header) || (total != 0 && total < header))
        return IMPOSSIBLE;
    bool is_right = is_right_checksum(view, offset, header), fits = total <= size;
    bool is_usual = is_usual_protocol(bytes_u8(view, offset + 9)) && bytes_u8(view, offset + 8) != 0;
    bool is_left_out = bytes_u16(view, offset + 10) == 0 && is_exact(total, size);
    if (is_right && fits)
        return CERTAIN;
    if (is_usual && (is_right || is_left_out))
        return LIKELY;
    return fits && total != 0 ? POSSIBLE : IMPOSSIBLE;
}

/* Global, unique local, link-local, translated (RFC 6052), or one of those that begin with 64 zeros. */
static bool is_usual_address(struct bytes view, size_t offset) {
    uint16_t start = bytes_u16(view, offset);
    return start >> 13 == 1 || start >> 9 == 0x7e || start >> 6 == 0x3fa || start == 0x0064 ||
           (bytes_u32(view, offset) | bytes_u32(view, offset + 4)) == 0;
}

static bool has_usual_addresses(struct bytes view, size_t offset) {
    size_t destination = offset + IPV6_DESTINATION;
    return is_usual_address(view, offset + IPV6_SOURCE) &&
           (is_usual_address(view, destination) || bytes_u8(view, destination) == 0xff);
}

static enum evidence judge_ipv6(struct bytes view, size_t offset, size_t size) {
    if (!bytes_have(view, offset, IPV6_HEADER) || bytes_u8(view, offset) >> 4 != 6)
        return IMPOSSIBLE;
    size_t total = (size_t)IPV6_HEADER + bytes_u16(view, offset + 4);
    if (total > size)
        return IMPOSSIBLE;
    if (!is_usual_protocol(bytes_u8(view, offset + 6)) || !has_usual_addresses(view, offset))
        return POSSIBLE;
    return is_exact(total, size) ? PROBABLE : LIKELY;
}

/* The type behind tags and SNAP's header, and where what it announces begins. */
static uint16_t inner_type(struct bytes view, size_t *offset) {
    uint16_t type = bytes_u16(view, *offset + ETHERNET_HEADER - 2);
    *offset += ETHERNET_HEADER;
    for (int tags = 0; tags < TAGS_MAX && ethertype_is_vlan(type) && bytes_have(view, *offset, 4); tags++) {
        type = bytes_u16(view, *offset + 2);
        *offset += 4;
    }
    if (type < ETHERTYPE_FIRST && bytes_have(view, *offset, SNAP_HEADER) &&
        memcmp(view.data + *offset, "\xaa\xaa\x03\0\0\0", 6) == 0) {
        type = bytes_u16(view, *offset + SNAP_HEADER - 2);
        *offset += SNAP_HEADER;
    }
    return type;
}

/* An Ethernet frame that leads to IP. Its type is evidence by itself, so the IP header needs less; POSSIBLE if that was
 * cut. */
static enum evidence judge_ethernet(struct bytes view, size_t offset, size_t wire_end) {
    static const enum evidence with_type[] = {
        [IMPOSSIBLE] = IMPOSSIBLE, [POSSIBLE] = PROBABLE, [LIKELY] = CERTAIN,
        [PROBABLE] = CERTAIN,      [CERTAIN] = CERTAIN,
    };
    if (!bytes_have(view, offset, ETHERNET_HEADER))
        return IMPOSSIBLE;
    uint16_t type = inner_type(view, &offset);
    size_t size = wire_end > offset ? wire_end - offset : 0;
    size_t header = type == ETHERTYPE_IPV6 ? IPV6_HEADER : IPV4_HEADER;
    if ((type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6) && !bytes_have(view, offset, header))
        return POSSIBLE;
    switch (type) {
    case ETHERTYPE_IPV4: return with_type[judge_ipv4(view, offset, size)];
    case ETHERTYPE_IPV6: return with_type[judge_ipv6(view, offset, size)];
    case ETHERTYPE_MPLS: return LIKELY;
    case ETHERTYPE_PPPOE_SESSION:
        return bytes_have(view, offset, 2) && bytes_u16(view, offset) == PPPOE_START ? PROBABLE : IMPOSSIBLE;
    default: return IMPOSSIBLE;
    }
}

/* Four zero bits, bits that a receiver ignores, and the length of a short payload or 0 (RFC 4385, RFC 4448). */
static bool may_be_control_word(const struct native_walk *walk) {
    if (!native_have(walk, CONTROL_WORD) || bytes_u8(walk->frame, walk->offset) >> 4 != 0)
        return false;
    uint8_t length = bytes_u8(walk->frame, walk->offset + 1) & CONTROL_LENGTH;
    return length == 0 || length == walk->wire_end - walk->offset;
}

/* Where the payload ends. For a first fragment that is beyond its own bytes. */
static size_t end_of(const struct native_walk *walk) {
    return walk->first_fragment ? walk->offset + UINT16_MAX : walk->wire_end;
}

static enum evidence judge_ip(const struct native_walk *walk) {
    size_t size = end_of(walk) - walk->offset;
    switch (bytes_u8(walk->frame, walk->offset) >> 4) {
    case 4: return judge_ipv4(walk->frame, walk->offset, size);
    case 6: return judge_ipv6(walk->frame, walk->offset, size);
    default: return IMPOSSIBLE;
    }
}

static enum decode_reason in_doubt(const struct native_walk *walk) {
    bool is_cut = walk->frame.length < walk->wire_end && !native_have(walk, ENOUGH);
    return is_cut ? DECODE_link_truncated : DECODE_not_ip;
}

enum decode_reason native_unlabelled(struct native_walk *walk, bool control_word) {
    if (!native_have(walk, 1))
        return DECODE_link_truncated;
    uint8_t version = bytes_u8(walk->frame, walk->offset) >> 4;
    enum evidence ip = judge_ip(walk);
    enum evidence frame = judge_ethernet(walk->frame, walk->offset, end_of(walk));
    if (control_word && may_be_control_word(walk) &&
        judge_ethernet(walk->frame, walk->offset + CONTROL_WORD, end_of(walk)) > frame) {
        walk->offset += CONTROL_WORD;
        return native_link(walk, LINK_ETHERNET);
    }
    if (frame > ip || frame == CERTAIN)
        return frame >= LIKELY ? native_link(walk, LINK_ETHERNET) : in_doubt(walk);
    walk->version = version;
    bool is_open = frame == POSSIBLE && ip != CERTAIN;
    return ip >= LIKELY && !is_open ? DECODE_METERED : in_doubt(walk);
}
