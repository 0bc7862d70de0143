/* ERSPAN, a switch's mirrored frames in GRE (draft-foschiano-erspan). Type II has a header of its own and a sequence
 * number in GRE; type I has neither. So the sequence number tells the two apart. Type III has another GRE type and a
 * longer header, and after that perhaps a platform-specific subheader. */
#include "decode/tunnel/gre.h"
#include "decode/tunnel/tunnel.h"

enum {
    TYPE_ERSPAN = 0x88be, /* I and II */
    TYPE_ERSPAN_III = 0x22eb,
    HEADER_II = 8,
    HEADER_III = 12,
    SUBHEADER = 8,
    VERSION_TYPE_II = 1,
    VERSION_TYPE_III = 2,
    VLAN_MASK = 0x0fff,
    SESSION_MASK = 0x03ff,
    FRAME_TYPE = 0x1f, /* ten bits up in the last two bytes of type III */
    FRAME_ETHERNET = 0,
    FRAME_IP = 2,
    HAS_SUBHEADER = 0x0001,
};

/* What the headers of types II and III begin with, at inner->offset; false for another version. */
static bool read_start(struct bytes payload, unsigned version, struct tunnel_inner *inner) {
    uint16_t first = bytes_u16(payload, inner->offset);
    /* The switch may have removed the frame's tag and put it here. It is the frame's VLAN like any other. */
    inner->vlan_id = first & VLAN_MASK;
    inner->has_key = true;
    inner->key = bytes_u16(payload, inner->offset + 2) & SESSION_MASK;
    return first >> 12 == version;
}

static enum tunnel_result open_i_or_ii(struct bytes payload, uint16_t flags, struct tunnel_inner *inner) {
    inner->content = TUNNEL_ETHERNET;
    if (!(flags & GRE_HAS_SEQUENCE))
        return TUNNEL_OPEN;
    if (!bytes_have(payload, inner->offset, HEADER_II))
        return TUNNEL_MALFORMED;
    if (!read_start(payload, VERSION_TYPE_II, inner))
        return TUNNEL_CLOSED;
    inner->offset += HEADER_II;
    return TUNNEL_OPEN;
}

static enum tunnel_result open_iii(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, inner->offset, HEADER_III))
        return TUNNEL_MALFORMED;
    uint16_t last = bytes_u16(payload, inner->offset + HEADER_III - 2);
    unsigned frame = last >> 10 & FRAME_TYPE;
    if (!read_start(payload, VERSION_TYPE_III, inner) || (frame != FRAME_ETHERNET && frame != FRAME_IP))
        return TUNNEL_CLOSED;
    inner->content = frame == FRAME_IP ? TUNNEL_IP : TUNNEL_ETHERNET;
    inner->offset += HEADER_III + (last & HAS_SUBHEADER ? SUBHEADER : 0);
    return bytes_have(payload, 0, inner->offset) ? TUNNEL_OPEN : TUNNEL_MALFORMED;
}

static enum tunnel_result open_erspan(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, GRE_FIXED))
        return TUNNEL_CUT;
    struct gre_start start = gre_start(payload);
    if (!gre_is_plain(start.flags) || (start.type != TYPE_ERSPAN && start.type != TYPE_ERSPAN_III))
        return TUNNEL_CLOSED;
    inner->offset = gre_length(start.flags);
    if (!bytes_have(payload, 0, inner->offset))
        return TUNNEL_MALFORMED;
    return start.type == TYPE_ERSPAN ? open_i_or_ii(payload, start.flags, inner) : open_iii(payload, inner);
}

const struct tunnel tunnel_erspan = {TUNNEL_ERSPAN, open_erspan, false};
