/* What nDPI is shown of a packet. nDPI walks headers by itself, and fewer of them than the decoder. It frees a flow's
 * buffers by the transport protocol of the last packet that it could read, and keeps TCP's and UDP's in one place:
 * within a flow it must never read two protocols. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "decode/walk/packet.h"

enum { VIEW_MAX = 65535 }; /* bytes: nDPI takes an unsigned short */

struct view {
    const uint8_t *ip;
    uint16_t length; /* bytes */
};

/* The view of a packet: its own bytes where nDPI reads its protocol in them or reads nothing; otherwise, written to
 * `scratch` (VIEW_MAX bytes), a header without what stands between it and the transport header. False: nDPI must not
 * see this packet. */
bool view_of(const struct packet *packet, uint8_t *scratch, struct view *view);
