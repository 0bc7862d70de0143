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
    QOS_MESH = 0x01, /* in the second byte; outside of a mesh it is part of another field */

    MESH_CONTROL = 6, /* flags, time to live, sequence number; then further addresses */
    MESH_EXTENSION = 0x03,
    MESH_SOURCE_ALONE = 1,
    MESH_BOTH_ENDS = 2,

    SUBFRAME_HEADER = 14, /* destination, source, length */
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

static bool is_snap(const struct native_walk *walk, size_t offset) {
    return bytes_have(walk->frame, offset, 3) && memcmp(walk->frame.data + offset, "\xaa\xaa\x03", 3) == 0;
}

/* Skips the mesh control field if the frame has one: then SNAP comes after it. The field has the addresses of ends outside
 * of the mesh. */
static void skip_mesh_control(struct native_walk *walk) {
    if (is_snap(walk, walk->offset) || !native_have(walk, MESH_CONTROL))
        return;
    const uint8_t *control = walk->frame.data + walk->offset;
    uint8_t extension = control[0] & MESH_EXTENSION;
    size_t length = MESH_CONTROL + (size_t)extension * 6;
    if (extension > MESH_BOTH_ENDS || !is_snap(walk, walk->offset + length))
        return;
    if (extension == MESH_SOURCE_ALONE)
        memcpy(walk->packet->source_mac, control + MESH_CONTROL, 6);
    if (extension == MESH_BOTH_ENDS) {
        memcpy(walk->packet->destination_mac, control + MESH_CONTROL, 6);
        memcpy(walk->packet->source_mac, control + MESH_CONTROL + 6, 6);
    }
    walk->offset += length;
}

/* The subframe of an A-MSDU at walk->offset. `begin`: from here on the frame's bytes are counted to this packet. */
static enum decode_reason walk_subframe(struct native_walk *walk, size_t begin) {
    struct aggregate *aggregate = &walk->decoder->aggregate;
    struct packet *packet = walk->packet;
    size_t start = walk->offset, total = packet->size[ACCOUNT_RAW];
    aggregate->next = 0;
    if (!native_have(walk, SUBFRAME_HEADER))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + start;
    size_t end = start + SUBFRAME_HEADER + bytes_u16(walk->frame, start + 12);
    size_t next = start + ((end - start + 3) & ~(size_t)3);
    if (end > walk->wire_end)
        return DECODE_link_truncated;
    if (next + SUBFRAME_HEADER <= walk->wire_end) /* less is the frame's checksum */
        aggregate->next = next;
    packet->size[ACCOUNT_RAW] = (uint32_t)((aggregate->next != 0 ? next
                                            : total > begin      ? total
                                                                 : begin) -
                                           begin);
    memcpy(packet->destination_mac, header, 6);
    memcpy(packet->source_mac, header + 6, 6);
    packet->flags |= PACKET_HAS_MAC;
    walk->offset += SUBFRAME_HEADER;
    walk->wire_end = end;
    if (walk->frame.length > end)
        walk->frame.length = end;
    if (aggregate->mesh)
        skip_mesh_control(walk);
    return native_llc(walk);
}

/* Several packets in one frame: the others are decoded later, from the walk's present state. */
static enum decode_reason first_subframe(struct native_walk *walk, bool mesh) {
    struct aggregate *aggregate = &walk->decoder->aggregate;
    if (aggregate->next != 0)
        return DECODE_too_deep; /* an aggregate in a tunnel in an aggregate */
    *aggregate = (struct aggregate){
        .captured = walk->frame.length,
        .wire_end = walk->wire_end,
        .depth = walk->depth,
        .tunnels = walk->tunnels,
        .mesh = mesh,
        .packet = *walk->packet,
    };
    return walk_subframe(walk, 0);
}

enum decode_reason native_next_subframe(struct native_walk *walk) {
    return walk_subframe(walk, walk->offset);
}

/* The length of the header of a data frame, and where QoS control begins in it, if there is one. */
static size_t wifi_header_length(uint8_t subtype, uint8_t flags, bool pad, size_t *qos) {
    size_t length = (flags & TO_DS) && (flags & FROM_DS) ? 30 : 24;
    *qos = length;
    if (subtype & SUBTYPE_QOS)
        length += flags & ORDER ? 6 : 2;
    return pad ? (length + 3) & ~(size_t)3 : length;
}

enum decode_reason native_wifi(struct native_walk *walk, bool swapped, bool pad) {
    if (!native_have(walk, 24))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    uint8_t kind = header[swapped ? 1 : 0], flags = header[swapped ? 0 : 1];
    uint8_t subtype = kind >> 4;
    bool is_encrypted = (flags & PROTECTED) != 0;
    if ((kind & 3) != 0 || ((kind >> 2) & 3) != TYPE_DATA || (subtype & SUBTYPE_NO_DATA) || is_encrypted)
        return native_foreign(walk, FOREIGN_WIFI, is_encrypted);
    size_t qos, length = wifi_header_length(subtype, flags, pad, &qos);
    if (!native_have(walk, length))
        return DECODE_link_truncated;
    copy_addresses(walk, header, flags & (TO_DS | FROM_DS));
    walk->offset += length;
    if (!(subtype & SUBTYPE_QOS))
        return native_llc(walk);
    bool mesh = (flags & FROM_DS) && (header[qos + 1] & QOS_MESH);
    if (header[qos] & QOS_AMSDU)
        return first_subframe(walk, mesh);
    if (mesh)
        skip_mesh_control(walk);
    return native_llc(walk);
}
