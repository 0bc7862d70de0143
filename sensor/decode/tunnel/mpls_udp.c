/* MPLS over UDP (RFC 7510): a label stack without any header before it. */
#include "decode/tunnel/carried_ip.h"
#include "decode/walk/ethertypes.h"

enum { LABEL = 4, LABEL_UNRESERVED = 16 };

static enum tunnel_result open_mpls_udp(struct bytes payload, struct tunnel_inner *inner) {
    size_t end = 0;
    uint32_t entry = 0;
    while (!(entry >> 8 & 1)) {
        if (end + LABEL > inner->announced)
            return TUNNEL_CLOSED;
        if (!bytes_have(payload, end, LABEL))
            return TUNNEL_CUT;
        entry = bytes_u32(payload, end);
        end += LABEL;
    }
    if (end == inner->announced)
        return TUNNEL_CLOSED;
    /* Reserved labels say what they carry, but on this port the bytes may look like them by chance: so the packet is
     * checked. What other labels carry is found out later. */
    enum carried_ip carried =
        entry >> 12 < LABEL_UNRESERVED ? carried_ip(payload, end, 0, inner) : CARRIED_IP;
    if (carried != CARRIED_IP)
        return carried == CARRIED_CUT ? TUNNEL_CUT : TUNNEL_CLOSED;
    inner->content = TUNNEL_ETHERTYPE;
    inner->type = ETHERTYPE_MPLS;
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_mpls_udp = {TUNNEL_MPLS, open_mpls_udp, false};
