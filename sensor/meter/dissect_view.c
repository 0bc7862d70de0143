#include "meter/dissect_view.h"

#include <string.h>

#include "meter/dissect_shim.h"

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, IPV4_PROTOCOL = 9, IPV6_NEXT_HEADER = 6 };

/* By nDPI's own walk, so that the answer is right for every version of it. */
static bool view_reads_another_protocol(const struct view *view, uint8_t protocol) {
    const uint8_t *transport = NULL;
    uint16_t length = 0;
    uint8_t read = 0;
    return ndpi_detection_get_l4(view->ip, view->length, &transport, &length, &read, 0) == 0 &&
           read != protocol;
}

static void put_u16(uint8_t *bytes, size_t value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

/* Copies the fixed header, without options, to before `length` bytes of transport. */
static void view_write_header(const struct packet *packet, uint8_t *header, size_t length) {
    if (packet->ip_version == 4) {
        memcpy(header, packet->ip, IPV4_HEADER);
        header[0] = 0x45;
        put_u16(header + 2, IPV4_HEADER + length);
        header[IPV4_PROTOCOL] = packet->protocol;
    } else {
        memcpy(header, packet->ip, IPV6_HEADER);
        put_u16(header + 4, length);
        header[IPV6_NEXT_HEADER] = packet->protocol;
    }
}

/* A fragment's bytes are no transport header, or not all of what it announces. */
static bool view_rebuild(const struct packet *packet, uint8_t *scratch, struct view *view) {
    size_t header = packet->ip_version == 4 ? IPV4_HEADER : IPV6_HEADER;
    uint32_t transport = packet->size[ACCOUNT_TRANSPORT];
    if ((packet->flags & PACKET_FRAGMENT) != 0 || transport > packet->size[ACCOUNT_IP])
        return false;
    size_t offset = packet->size[ACCOUNT_IP] - transport;
    if (offset < header || offset > packet->ip_captured)
        return false;
    size_t length = packet->ip_captured - offset;
    if (length > VIEW_MAX - header)
        length = VIEW_MAX - header;
    view_write_header(packet, scratch, length);
    memcpy(scratch + header, packet->ip + offset, length);
    *view = (struct view){scratch, (uint16_t)(header + length)};
    return !view_reads_another_protocol(view, packet->protocol);
}

bool view_of(const struct packet *packet, uint8_t *scratch, struct view *view) {
    *view = (struct view){packet->ip,
                          (uint16_t)(packet->ip_captured < VIEW_MAX ? packet->ip_captured : VIEW_MAX)};
    return !view_reads_another_protocol(view, packet->protocol) || view_rebuild(packet, scratch, view);
}
