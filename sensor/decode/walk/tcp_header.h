/* TCP's header in the bytes of a metered packet: what features read of it beside the packet's own members. Borrowed from the
 * packet. @thread any */
#pragma once

#include "base/bytes.h"
#include "decode/walk/packet.h"

/* Where things stand in the header (RFC 9293, 3.1), in bytes. */
enum { TCP_AT_DATA_OFFSET = 12, TCP_AT_FLAGS = 13, TCP_AT_WINDOW = 14, TCP_AT_OPTIONS = 20 };

/* What was captured from the header's begin on, natively. Empty where that doesn't reach its flags, in later fragments, and
 * for other protocols; else the packet's TCP members are set, though tcp_flags may be 0. */
static inline struct bytes packet_tcp_header(const struct packet *packet) {
    enum { PROTOCOL_NUMBER = 6 };
    const struct bytes none = {0};
    if (packet->protocol != PROTOCOL_NUMBER)
        return none;
    bool is_later_fragment = (packet->flags & PACKET_FRAGMENT) != 0 &&
                             packet->size[ACCOUNT_TRANSPORT] == packet->size[ACCOUNT_PAYLOAD];
    struct bytes captured = {packet->ip, packet->ip_captured};
    struct bytes header = bytes_from(captured, packet->size[ACCOUNT_IP] - packet->size[ACCOUNT_TRANSPORT]);
    return !is_later_fragment && bytes_have(header, TCP_AT_FLAGS, 1) ? header : none;
}
