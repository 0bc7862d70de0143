/* GUE, Generic UDP Encapsulation (draft-ietf-intarea-gue): variant 0 has a header. Variant 1 is IP itself:
 * the first bits of the IP version are the variant. */
#include "decode/tunnel/carried_ip.h"
#include "decode/walk/ethertypes.h"

enum {
    HEADER = 4,
    IS_CONTROL = 0x20,
    LENGTH = 0x1f, /* of what follows the header, in units of 4 bytes */
    PROTOCOL_IPV4 = 4,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_GRE = 47,
    PROTOCOL_MPLS = 137,
    PROTOCOL_ETHERNET = 143,
};

static enum tunnel_result open_content(struct bytes payload, uint8_t protocol, struct tunnel_inner *inner) {
    switch (protocol) {
    case PROTOCOL_IPV4:
    case PROTOCOL_IPV6: return carried_ip_opens(payload, inner);
    case PROTOCOL_MPLS:
        inner->content = TUNNEL_ETHERTYPE;
        inner->type = ETHERTYPE_MPLS;
        return TUNNEL_OPEN;
    case PROTOCOL_GRE:
        inner->content = TUNNEL_PROTOCOL;
        inner->type = protocol;
        return TUNNEL_OPEN;
    case PROTOCOL_ETHERNET: inner->content = TUNNEL_ETHERNET; return TUNNEL_OPEN;
    default: return TUNNEL_CLOSED;
    }
}

static enum tunnel_result open_gue(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    uint8_t first = bytes_u8(payload, 0);
    uint16_t flags = bytes_u16(payload, 2);
    if (first >> 6 == 1)
        return carried_ip_opens(payload, inner);
    size_t extensions = (size_t)(first & LENGTH) * 4;
    if (first >> 6 != 0 || (first & IS_CONTROL) || (flags != 0 && extensions == 0))
        return TUNNEL_CLOSED;
    inner->offset = HEADER + extensions;
    if (inner->offset > inner->announced)
        return TUNNEL_CLOSED;
    if (!bytes_have(payload, 0, inner->offset))
        return TUNNEL_CUT;
    return open_content(payload, bytes_u8(payload, 1), inner);
}

const struct tunnel tunnel_gue = {TUNNEL_GUE, open_gue, false};
