/* VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): VXLAN whose header says what it carries. */
#include "decode/tunnel/tunnel.h"
#include "decode/walk/ethertypes.h"

enum {
    HEADER = 8,
    VERSION_MASK = 0x30,
    HAS_VNI = 0x08,
    HAS_PROTOCOL = 0x04,
    IS_MANAGEMENT = 0x01,
    NEXT_IPV4 = 1,
    NEXT_IPV6 = 2,
    NEXT_ETHERNET = 3,
    NEXT_NSH = 4,
    NEXT_MPLS = 5,
};

static bool vxlan_gpe_read_content(uint8_t next, struct tunnel_inner *inner) {
    inner->content = TUNNEL_ETHERTYPE;
    switch (next) {
    case NEXT_IPV4: inner->type = ETHERTYPE_IPV4; return true;
    case NEXT_IPV6: inner->type = ETHERTYPE_IPV6; return true;
    case NEXT_ETHERNET: inner->content = TUNNEL_ETHERNET; return true;
    case NEXT_NSH: inner->type = ETHERTYPE_NSH; return true;
    case NEXT_MPLS: inner->type = ETHERTYPE_MPLS; return true;
    default: return false;
    }
}

static enum tunnel_result open_vxlan_gpe(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    uint8_t flags = bytes_u8(payload, 0);
    uint8_t next = flags & HAS_PROTOCOL ? bytes_u8(payload, 3) : NEXT_ETHERNET;
    if ((flags & (VERSION_MASK | HAS_VNI | IS_MANAGEMENT)) != HAS_VNI || bytes_u8(payload, 7) != 0)
        return TUNNEL_CLOSED;
    inner->offset = HEADER;
    inner->has_key = true;
    inner->key = bytes_u32(payload, 4) >> 8;
    return vxlan_gpe_read_content(next, inner) ? TUNNEL_OPEN : TUNNEL_CLOSED;
}

const struct tunnel tunnel_vxlan_gpe = {TUNNEL_VXLAN, open_vxlan_gpe, false};
