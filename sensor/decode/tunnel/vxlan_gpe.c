/* VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): VXLAN whose header says what it carries. */
#include "decode/tunnel/tunnel.h"

enum {
    HEADER = 8,
    VERSION_MASK = 0x30,
    HAS_VNI = 0x08,
    HAS_PROTOCOL = 0x04,
    IS_MANAGEMENT = 0x01,
    NEXT_IPV4 = 1,
    NEXT_IPV6 = 2,
    NEXT_ETHERNET = 3,
};

static enum tunnel_result open_vxlan_gpe(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    uint8_t flags = bytes_u8(payload, 0);
    uint8_t next = flags & HAS_PROTOCOL ? bytes_u8(payload, 3) : NEXT_ETHERNET;
    if ((flags & (VERSION_MASK | HAS_VNI | IS_MANAGEMENT)) != HAS_VNI || next < NEXT_IPV4 ||
        next > NEXT_ETHERNET)
        return TUNNEL_CLOSED;
    *inner = (struct tunnel_inner){
        .offset = HEADER,
        .content = next == NEXT_ETHERNET ? TUNNEL_ETHERNET : TUNNEL_IP,
        .has_key = true,
        .key = bytes_u32(payload, 4) >> 8,
    };
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_vxlan_gpe = {TUNNEL_VXLAN, open_vxlan_gpe, false};
