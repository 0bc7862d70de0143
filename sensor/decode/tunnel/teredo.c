/* Teredo (RFC 4380): IPv6 over UDP through NATs, with headers for authentication and for the origin's address before
 * it. */
#include "decode/tunnel/carried_ip.h"

enum { ORIGIN = 0x0000, AUTHENTICATION = 0x0001, ORIGIN_HEADER = 8, AUTHENTICATION_FIXED = 13 };

/* The length of the header at `offset`, whose first two bytes say which one it is; 0 where there is none. */
static size_t teredo_header_length(struct bytes payload, size_t offset) {
    switch (bytes_u16(payload, offset)) {
    case ORIGIN: return ORIGIN_HEADER;
    case AUTHENTICATION:
        if (!bytes_have(payload, offset, 4))
            return SIZE_MAX; /* cut */
        return (size_t)AUTHENTICATION_FIXED + bytes_u8(payload, offset + 2) + bytes_u8(payload, offset + 3);
    default: return 0;
    }
}

static enum tunnel_result open_teredo(struct bytes payload, struct tunnel_inner *inner) {
    /* At most one of each, the authentication first. */
    for (unsigned headers = 0; headers < 3; headers++) {
        if (!bytes_have(payload, inner->offset, 2))
            return TUNNEL_CUT;
        size_t length = teredo_header_length(payload, inner->offset);
        if (length == 0)
            return bytes_u8(payload, inner->offset) >> 4 == 6 ? carried_ip_opens(payload, inner)
                                                              : TUNNEL_CLOSED;
        if (length == SIZE_MAX)
            return TUNNEL_CUT;
        inner->offset += length;
    }
    return TUNNEL_CLOSED;
}

const struct tunnel tunnel_teredo = {TUNNEL_TEREDO, open_teredo, false};
