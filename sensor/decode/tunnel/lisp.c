/* LISP's data (RFC 9300): IP over UDP between sites; the instance keeps tenants apart. */
#include "decode/tunnel/carried_ip.h"

enum {
    HEADER = 8,
    HAS_NONCE = 0x80,
    ASKS_FOR_ECHO = 0x20,
    HAS_MAP_VERSION = 0x10,
    HAS_INSTANCE = 0x08,
    RESERVED = 0x04,
    IS_ENCRYPTED = 0x03,
};

static enum tunnel_result open_lisp(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    uint8_t flags = bytes_u8(payload, 0);
    bool has_nonce = flags & HAS_NONCE;
    if ((flags & (RESERVED | IS_ENCRYPTED)) || (has_nonce && (flags & HAS_MAP_VERSION)) ||
        (!has_nonce && (flags & ASKS_FOR_ECHO)))
        return TUNNEL_CLOSED;
    inner->offset = HEADER;
    inner->has_key = flags & HAS_INSTANCE;
    if (inner->has_key)
        inner->key = bytes_u32(payload, 4) >> 8;
    return carried_ip_opens(payload, inner);
}

const struct tunnel tunnel_lisp = {TUNNEL_LISP, open_lisp, false};
