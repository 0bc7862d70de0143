/* GTP-U, version 1 (3GPP TS 29.281): user packets between the parts of a mobile network. The
 * packet's receiver chose the TEID. */
#include "decode/tunnel/tunnel.h"

enum { VERSION_1_GTP = 3, T_PDU = 255, HAS_OPTIONS = 7, HAS_EXTENSIONS = 4 };

/* The chain of extension headers: length in units of 4 bytes, content, type of the next one (0: none). */
static bool skip_extensions(struct bytes payload, size_t *offset) {
    uint8_t next = bytes_u8(payload, *offset - 1);
    while (next != 0) {
        if (!bytes_have(payload, *offset, 1))
            return false;
        size_t length = (size_t)bytes_u8(payload, *offset) * 4;
        if (length == 0 || !bytes_have(payload, *offset, length))
            return false;
        *offset += length;
        next = bytes_u8(payload, *offset - 1);
    }
    return true;
}

static enum tunnel_result open_gtp_u(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, 8))
        return TUNNEL_CUT;
    uint8_t flags = bytes_u8(payload, 0);
    if (flags >> 4 != VERSION_1_GTP || bytes_u8(payload, 1) != T_PDU)
        return TUNNEL_CLOSED;
    size_t offset = flags & HAS_OPTIONS ? 12 : 8;
    if (!bytes_have(payload, 0, offset))
        return TUNNEL_MALFORMED;
    if ((flags & HAS_EXTENSIONS) && !skip_extensions(payload, &offset))
        return TUNNEL_MALFORMED;
    if (!bytes_have(payload, offset, 1))
        return TUNNEL_MALFORMED;
    *inner = (struct tunnel_inner){
        .offset = offset,
        .content = TUNNEL_SESSION,
        .has_key = true,
        .key = bytes_u32(payload, 4),
    };
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_gtp_u = {TUNNEL_GTP_U, open_gtp_u, true};
