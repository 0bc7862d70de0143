/* Linux cooked captures, version 1: the sender's address, and at the end the protocol. */
#include <string.h>

#include "decode/link/link.h"

enum {
    HEADER = 16,
    ADDRESS_LENGTH = 4,
    ADDRESS = 6,
    NOVELL_802_3 = 0x0001, /* without 802.2: never IP */
    FRAME_802_2 = 0x0004,
};

enum decode_reason link_cooked_protocol(struct native_walk *walk, uint16_t protocol) {
    if (protocol == FRAME_802_2)
        return native_llc(walk);
    return protocol == NOVELL_802_3 ? DECODE_not_ip : native_ethertype(walk, protocol);
}

void link_note_source(struct native_walk *walk, const uint8_t *address, size_t length) {
    struct packet *packet = walk->packet;
    if (length != sizeof packet->source_mac)
        return;
    memcpy(packet->source_mac, address, sizeof packet->source_mac);
    packet->flags |= PACKET_HAS_SOURCE_MAC;
}

enum decode_reason link_linux_sll(struct native_walk *walk) {
    if (!native_have(walk, HEADER))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    link_note_source(walk, header + ADDRESS, bytes_u16(walk->frame, walk->offset + ADDRESS_LENGTH));
    walk->offset += HEADER;
    return link_cooked_protocol(walk, bytes_u16(walk->frame, walk->offset - 2));
}
