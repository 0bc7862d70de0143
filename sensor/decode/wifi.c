/* IEEE 802.11 in the native dialect: data frames. */
#include <string.h>

#include "decode/native.h"

enum {
    TYPE_DATA = 2,
    SUBTYPE_NO_DATA = 0x4,
    SUBTYPE_QOS = 0x8,
    TO_DS = 0x01,
    FROM_DS = 0x02,
    PROTECTED = 0x40,
    ORDER = 0x80, /* in a QoS frame: HT control follows */
    QOS_AMSDU = 0x80,
};

/* Which of the three or four addresses are source and destination (802.11, table 9-30). */
static void copy_addresses(struct native_walk *walk, const uint8_t *header, uint8_t directions) {
    const uint8_t *address1 = header + 4, *address2 = header + 10, *address3 = header + 16,
                  *address4 = header + 24;
    const uint8_t *destination = directions & TO_DS ? address3 : address1;
    const uint8_t *source = address2;
    if (directions & FROM_DS)
        source = directions & TO_DS ? address4 : address3;
    memcpy(walk->packet->source_mac, source, 6);
    memcpy(walk->packet->destination_mac, destination, 6);
    walk->packet->flags |= PACKET_HAS_MAC;
}

enum decode_reason native_wifi(struct native_walk *walk, bool swapped, bool pad) {
    if (!native_have(walk, 24))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    uint8_t kind = header[swapped ? 1 : 0], flags = header[swapped ? 0 : 1];
    uint8_t subtype = kind >> 4;
    if ((kind & 3) != 0 || ((kind >> 2) & 3) != TYPE_DATA || (subtype & SUBTYPE_NO_DATA) ||
        (flags & PROTECTED))
        return DECODE_not_ip; /* management, control, nothing in it, or enciphered */
    size_t length = 24;
    if ((flags & TO_DS) && (flags & FROM_DS))
        length += 6;
    size_t qos = length;
    if (subtype & SUBTYPE_QOS)
        length += flags & ORDER ? 6 : 2;
    if (pad)
        length = (length + 3) & ~(size_t)3;
    if (!native_have(walk, length))
        return DECODE_link_truncated;
    if ((subtype & SUBTYPE_QOS) && (header[qos] & QOS_AMSDU))
        return DECODE_not_ip; /* several packets in one frame */
    copy_addresses(walk, header, flags & (TO_DS | FROM_DS));
    walk->offset += length;
    return native_llc(walk);
}
