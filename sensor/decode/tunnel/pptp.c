/* PPTP's data, in the enhanced GRE of version 1 (RFC 2637): the lower half of the key is the number of a call,
 * which the packet's receiver chose. */
#include "decode/tunnel/gre.h"
#include "decode/tunnel/tunnel.h"

enum { TYPE_PPP = 0x880b, VERSION_1 = 1, HEADER = 8 };

static enum tunnel_result open_pptp(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, GRE_FIXED))
        return TUNNEL_CUT;
    struct gre_start start = gre_start(payload);
    uint16_t flags = start.flags;
    if ((flags & GRE_VERSION) != VERSION_1 || start.type != TYPE_PPP || !(flags & GRE_HAS_KEY) ||
        (flags & (GRE_HAS_CHECKSUM | GRE_HAS_ROUTING)))
        return TUNNEL_CLOSED;
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_MALFORMED;
    if (!(flags & GRE_HAS_SEQUENCE))
        return TUNNEL_CLOSED; /* an acknowledgment alone */
    inner->offset = HEADER + 4 + (flags & GRE_HAS_ACKNOWLEDGMENT ? 4 : 0);
    inner->content = TUNNEL_PPP;
    inner->has_key = true;
    inner->key = bytes_u16(payload, 6);
    return bytes_have(payload, 0, inner->offset) ? TUNNEL_OPEN : TUNNEL_MALFORMED;
}

const struct tunnel tunnel_pptp = {TUNNEL_GRE, open_pptp, true};
