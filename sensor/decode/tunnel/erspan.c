/* ERSPAN, a switch's mirrored frames in GRE (draft-foschiano-erspan): type II with its own header, and type I, which has
 * neither that nor a sequence number. The two say by the latter which they are. */
#include "decode/tunnel/gre.h"
#include "decode/tunnel/tunnel.h"

enum {
    TYPE_ERSPAN = 0x88be,
    HEADER = 8,
    VERSION_TYPE_II = 1,
    VLAN_MASK = 0x0fff,
    SESSION_MASK = 0x03ff,
};

static enum tunnel_result open_erspan(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, GRE_FIXED))
        return TUNNEL_CUT;
    struct gre_start start = gre_start(payload);
    if (!gre_is_plain(start.flags) || start.type != TYPE_ERSPAN)
        return TUNNEL_CLOSED;
    inner->offset = gre_length(start.flags);
    inner->content = TUNNEL_ETHERNET;
    if (!bytes_have(payload, 0, inner->offset))
        return TUNNEL_MALFORMED;
    if (!(start.flags & GRE_HAS_SEQUENCE))
        return TUNNEL_OPEN;
    if (!bytes_have(payload, inner->offset, HEADER))
        return TUNNEL_MALFORMED;
    uint16_t first = bytes_u16(payload, inner->offset);
    if (first >> 12 != VERSION_TYPE_II)
        return TUNNEL_CLOSED;
    /* The switch may have taken the frame's tag off: it stands here, and is the frame's VLAN like any other. */
    inner->vlan_id = first & VLAN_MASK;
    inner->has_key = true;
    inner->key = bytes_u16(payload, inner->offset + 2) & SESSION_MASK;
    inner->offset += HEADER;
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_erspan = {TUNNEL_ERSPAN, open_erspan, false};
