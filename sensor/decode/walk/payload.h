/* The bytes of a packet that its transport protocol carries. Nothing here is shared: the caller's thread. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "decode/walk/packet.h"

/* Whether the packet has the middle or the end of a datagram, so no transport header. Native. */
static inline bool packet_is_later_fragment(const struct packet *packet) {
    return (packet->flags & PACKET_FRAGMENT) != 0 &&
           packet->size[ACCOUNT_TRANSPORT] == packet->size[ACCOUNT_PAYLOAD];
}

/* The payload as far as it was captured, borrowed from the packet; empty of a later fragment, which begins anywhere. Native. */
static inline struct bytes packet_payload(const struct packet *packet) {
    uint32_t length = packet->size[ACCOUNT_PAYLOAD], total = packet->size[ACCOUNT_IP];
    if (length == 0 || length > total || packet_is_later_fragment(packet))
        return (struct bytes){0};
    struct bytes captured = {packet->ip, packet->ip_captured < total ? packet->ip_captured : total};
    return bytes_from(captured, total - length);
}
