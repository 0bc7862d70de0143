/* Geneve (RFC 8926): virtual networks over IP, with options of any length. */
#include "decode/tunnel/tunnel.h"

enum { HEADER = 8, IS_CONTROL = 0x80 };

static enum tunnel_result open_geneve(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    uint8_t first = bytes_u8(payload, 0); /* version, and the options' length in units of 4 bytes */
    if (first >> 6 != 0 || (bytes_u8(payload, 1) & IS_CONTROL))
        return TUNNEL_CLOSED;
    *inner = (struct tunnel_inner){
        .offset = HEADER + (size_t)(first & 0x3f) * 4,
        .content = TUNNEL_ETHERTYPE,
        .type = bytes_u16(payload, 2),
        .has_key = true,
        .key = bytes_u32(payload, 4) >> 8,
    };
    return bytes_have(payload, 0, inner->offset) ? TUNNEL_OPEN : TUNNEL_MALFORMED;
}

const struct tunnel tunnel_geneve = {TUNNEL_GENEVE, open_geneve, false};
