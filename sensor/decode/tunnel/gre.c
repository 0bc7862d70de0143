/* GRE, Generic Routing Encapsulation (RFC 2784), with key and sequence number (RFC 2890). NVGRE (RFC 7637) looks
 * the same; its key is the subnet's identifier and a byte of entropy. */
#include "decode/tunnel/gre.h"

#include "decode/tunnel/tunnel.h"

static enum tunnel_result open_gre(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, GRE_FIXED))
        return TUNNEL_CUT;
    struct gre_start start = gre_start(payload);
    if (!gre_is_plain(start.flags))
        return TUNNEL_CLOSED;
    size_t length = gre_length(start.flags);
    if (!bytes_have(payload, 0, length))
        return TUNNEL_MALFORMED;
    inner->offset = length;
    inner->content = TUNNEL_ETHERTYPE;
    inner->type = start.type;
    inner->has_key = start.flags & GRE_HAS_KEY;
    if (inner->has_key)
        inner->key = bytes_u32(payload, gre_key_end(start.flags) - 4);
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_gre = {TUNNEL_GRE, open_gre, false};
