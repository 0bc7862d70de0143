/* VXLAN (RFC 7348): a data centre's Ethernet segments over IP; with the group policy that some vendors put into reserved
 * bits. */
#include "decode/tunnel/tunnel.h"

enum { HEADER = 8, HAS_VNI = 0x08, HAS_GROUP_POLICY = 0x80 };

static enum tunnel_result open_vxlan(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    /* The port alone proves little: any client may have it by chance. */
    if ((bytes_u8(payload, 0) & ~HAS_GROUP_POLICY) != HAS_VNI)
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
