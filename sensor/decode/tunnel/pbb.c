/* PBB, Provider Backbone Bridges (IEEE 802.1ah): customers' Ethernet frames in those of a backbone. The service instance
 * tells customers apart; the backbone's tag comes before it, as any VLAN tag. */
#include "decode/tunnel/tunnel.h"

enum { HEADER = 4, RESERVED = 0x03 };

static enum tunnel_result open_pbb(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    uint32_t tag = bytes_u32(payload, 0);
    if (tag >> 24 & RESERVED) /* 802.1ah: such a frame is discarded */
        return TUNNEL_CLOSED;
    inner->offset = HEADER;
    inner->content = TUNNEL_ETHERNET;
    inner->has_key = true;
    inner->key = tag & 0xffffff;
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_pbb = {TUNNEL_PBB, open_pbb, false};
