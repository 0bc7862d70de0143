/* L2TP over UDP. Version 2 (RFC 2661) carries PPP; the packet's receiver chose the numbers of tunnel and session. Version 3
 * (RFC 3931) has a session only. */
#include "decode/tunnel/l2tpv3.h"

enum {
    SHORTEST = 6, /* flags, tunnel and session */
    IS_CONTROL = 0x8000,
    HAS_LENGTH = 0x4000,
    HAS_SEQUENCE = 0x0800,
    HAS_OFFSET = 0x0200,
    VERSION_MASK = 0x000f,
    VERSION_2 = 2,
    VERSION_3 = 3, /* all other bits of data are reserved */
    VERSION_3_HEADER = 4,
};

static enum tunnel_result open_l2tp(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, SHORTEST))
        return TUNNEL_CUT;
    uint16_t flags = bytes_u16(payload, 0);
    if (flags == VERSION_3 && bytes_u16(payload, 2) == 0)
        return l2tpv3_open_session(payload, VERSION_3_HEADER, inner);
    if ((flags & IS_CONTROL) || (flags & VERSION_MASK) != VERSION_2)
        return TUNNEL_CLOSED;
    size_t offset = flags & HAS_LENGTH ? 4 : 2;
    size_t end = offset + 4 + (flags & HAS_SEQUENCE ? 4 : 0) + (flags & HAS_OFFSET ? 2 : 0);
    if (!bytes_have(payload, 0, end))
        return TUNNEL_MALFORMED;
    if ((flags & HAS_LENGTH) && bytes_u16(payload, 2) < end)
        return TUNNEL_MALFORMED;
    inner->has_key = true;
    inner->key = bytes_u32(payload, offset);
    inner->content = TUNNEL_PPP;
    /* Padding in front of the payload. */
    inner->offset = end + (flags & HAS_OFFSET ? bytes_u16(payload, end - 2) : 0);
    return bytes_have(payload, 0, inner->offset) ? TUNNEL_OPEN : TUNNEL_MALFORMED;
}

const struct tunnel tunnel_l2tp = {TUNNEL_L2TP, open_l2tp, true};
