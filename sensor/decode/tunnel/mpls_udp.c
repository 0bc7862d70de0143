/* MPLS over UDP (RFC 7510): a label stack without any header before it. */
#include "decode/ethertypes.h"
#include "decode/tunnel/carried_ip.h"

enum { LABEL = 4 };

static enum tunnel_result open_mpls_udp(struct bytes payload, struct tunnel_inner *inner) {
    size_t end = 0;
    bool bottom = false;
    while (!bottom) {
        if (end + LABEL > inner->announced)
            return TUNNEL_CLOSED;
        if (!bytes_have(payload, end, LABEL))
            return TUNNEL_CUT;
        bottom = bytes_u8(payload, end + 2) & 1;
        end += LABEL;
    }
    if (!bytes_have(payload, end, 1))
        return end < inner->announced ? TUNNEL_CUT : TUNNEL_CLOSED;
    uint8_t version = bytes_u8(payload, end) >> 4;
    enum carried_ip carried = carried_ip(payload, end, 0, inner);
    if (carried == CARRIED_CUT)
        return TUNNEL_CUT;
    if (carried == CARRIED_NOTHING && (version == 4 || version == 6))
        return TUNNEL_CLOSED; /* by chance, on this port */
    inner->content = TUNNEL_ETHERTYPE;
    inner->type = ETHERTYPE_MPLS;
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_mpls_udp = {TUNNEL_MPLS, open_mpls_udp, false};
