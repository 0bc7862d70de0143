/* Whether bytes are an IP packet, for tunnels whose own header proves little or that have none. Nothing here is shared: the
 * caller's thread. */
#pragma once

#include "decode/tunnel/tunnel.h"

enum carried_ip {
    CARRIED_IP,
    CARRIED_NOTHING, /* no IP packet that fills the payload to its end */
    CARRIED_CUT,     /* too few bytes were captured to tell */
};

/* Looks for an IP packet at `offset` of the payload. It must end where the payload ends, except for at most `padding` bytes
 * after it; in a first fragment it may also go on beyond the payload. */
static inline enum carried_ip carried_ip(struct bytes payload, size_t offset, size_t padding,
                                         const struct tunnel_inner *inner) {
    enum { IPV4_HEADER = 20, IPV6_HEADER = 40 };
    if (offset >= inner->announced)
        return CARRIED_NOTHING;
    if (!bytes_have(payload, offset, 1))
        return CARRIED_CUT;
    size_t rest = inner->announced - offset, total;
    uint8_t first = bytes_u8(payload, offset);
    if (first >> 4 == 4) {
        if ((first & 15) * 4 < IPV4_HEADER || rest < IPV4_HEADER)
            return CARRIED_NOTHING;
        if (!bytes_have(payload, offset, 4))
            return CARRIED_CUT;
        total = bytes_u16(payload, offset + 2);
    } else if (first >> 4 == 6) {
        if (rest < IPV6_HEADER)
            return CARRIED_NOTHING;
        if (!bytes_have(payload, offset, 6))
            return CARRIED_CUT;
        total = (size_t)IPV6_HEADER + bytes_u16(payload, offset + 4);
    } else {
        return CARRIED_NOTHING;
    }
    if (total > rest)
        return inner->is_fragment ? CARRIED_IP : CARRIED_NOTHING;
    return rest - total <= padding ? CARRIED_IP : CARRIED_NOTHING;
}

/* The result for what is a tunnel only if it carries IP at inner->offset. */
static inline enum tunnel_result carried_ip_opens(struct bytes payload, struct tunnel_inner *inner) {
    inner->content = TUNNEL_IP;
    switch (carried_ip(payload, inner->offset, 0, inner)) {
    case CARRIED_IP: return TUNNEL_OPEN;
    case CARRIED_CUT: return TUNNEL_CUT;
    case CARRIED_NOTHING: break;
    }
    return TUNNEL_CLOSED;
}
