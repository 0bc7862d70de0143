/* NFLOG: what Linux' packet filter logged, as attributes. One of them is the packet from its IP header on, others have the
 * sender's address. Numbers are in the byte order of the capturing host, which we find out by the type: it is below 256. */
#include "decode/link/link.h"

enum {
    HEADER = 4, /* family, version, resource */
    ATTRIBUTE = 4,
    TYPE_MASK = 0x7fff,
    TYPE_END = 0x100,
    TYPE_SENDER = 8,
    TYPE_PACKET = 9,
    SENDER_ADDRESS = 4, /* behind its length and two bytes of padding */
    SENDER_LENGTH = 12,
};

/* Whether an attribute's numbers are little-endian. */
static bool is_little(const uint8_t *attribute) {
    return (bytes_little_u16(attribute + 2) & TYPE_MASK) < TYPE_END;
}

/* Cuts the frame at the packet's end, since other attributes may follow. */
static enum decode_reason enter_packet(struct native_walk *walk, size_t length) {
    walk->offset += ATTRIBUTE;
    length -= ATTRIBUTE;
    if (native_have(walk, length))
        walk->frame.length = walk->offset + length;
    walk->wire_end = walk->offset + length;
    return DECODE_METERED;
}

enum decode_reason link_nflog(struct native_walk *walk) {
    if (!native_have(walk, HEADER))
        return DECODE_link_truncated;
    enum decode_reason reason = link_family(walk, bytes_u8(walk->frame, walk->offset));
    if (reason != DECODE_METERED || bytes_u8(walk->frame, walk->offset + 1) != 0)
        return DECODE_not_ip;
    walk->offset += HEADER;
    while (native_have(walk, ATTRIBUTE)) {
        const uint8_t *attribute = walk->frame.data + walk->offset;
        bool little = is_little(attribute);
        size_t length = little ? bytes_little_u16(attribute) : bytes_u16(walk->frame, walk->offset);
        uint16_t type = little ? bytes_little_u16(attribute + 2) : bytes_u16(walk->frame, walk->offset + 2);
        type &= TYPE_MASK;
        if (length < ATTRIBUTE)
            return DECODE_link_truncated;
        if (type == TYPE_PACKET)
            return enter_packet(walk, length);
        if (type == TYPE_SENDER && length >= ATTRIBUTE + SENDER_LENGTH && native_have(walk, length))
            link_note_source(walk, attribute + ATTRIBUTE + SENDER_ADDRESS,
                             bytes_u16(walk->frame, walk->offset + ATTRIBUTE));
        walk->offset += (length + 3) & ~(size_t)3;
    }
    return DECODE_link_truncated;
}
