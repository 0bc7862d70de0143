/* WCCP: what a router sends to a cache in GRE. Version 2 puts a header of four bytes before the packet, version 1 none.
 * Both have the same type, so the bytes of the packet tell which it is. */
#include "decode/tunnel/carried_ip.h"
#include "decode/tunnel/gre.h"

enum { TYPE_WCCP = 0x883e, REDIRECT_HEADER = 4, REDIRECT_RESERVED = 0x1f };

static enum tunnel_result open_wccp(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, GRE_FIXED))
        return TUNNEL_CUT;
    struct gre_start start = gre_start(payload);
    if (!gre_is_plain(start.flags) || start.type != TYPE_WCCP)
        return TUNNEL_CLOSED;
    size_t header = gre_length(start.flags);
    if (!bytes_have(payload, header, 1))
        return TUNNEL_MALFORMED;
    inner->has_key = start.flags & GRE_HAS_KEY;
    if (inner->has_key)
        inner->key = bytes_u32(payload, gre_key_end(start.flags) - 4);
    inner->offset = header;
    enum tunnel_result result = carried_ip_opens(payload, inner);
    if (result != TUNNEL_CLOSED || (bytes_u8(payload, header) & REDIRECT_RESERVED) != 0)
        return result;
    inner->offset = header + REDIRECT_HEADER;
    return carried_ip_opens(payload, inner);
}

const struct tunnel tunnel_wccp = {TUNNEL_GRE, open_wccp, false};
