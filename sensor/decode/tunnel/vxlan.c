/* VXLAN (RFC 7348): a data centre's Ethernet segments over IP; with the group policy that some vendors put into reserved
 * bits. */
#include "decode/tunnel/tunnel.h"

enum {
    HEADER = 8,
    HAS_VNI = 0x08,
    HAS_GROUP_POLICY = 0x80,
    POLICY_FLAGS = 0x48, /* don't learn; policy applied */
};

/* The port alone proves little: a client may have it by chance, and its first byte may look like the flags. Linux refuses
 * VXLAN with a reserved bit set, too. */
static bool is_vxlan(struct bytes payload) {
    uint8_t flags = bytes_u8(payload, 0), policy_flags = bytes_u8(payload, 1);
    if (bytes_u8(payload, 7) != 0)
        return false;
    if (flags == (HAS_VNI | HAS_GROUP_POLICY))
        return (policy_flags & ~POLICY_FLAGS) == 0;
    return flags == HAS_VNI && policy_flags == 0 && bytes_u16(payload, 2) == 0;
}

static enum tunnel_result open_vxlan(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    if (!is_vxlan(payload))
        return TUNNEL_CLOSED;
    *inner = (struct tunnel_inner){
        .offset = HEADER,
        .content = TUNNEL_ETHERNET,
        .has_key = true,
        .key = bytes_u32(payload, 4) >> 8,
    };
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_vxlan = {TUNNEL_VXLAN, open_vxlan, false};
