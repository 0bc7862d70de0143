/* CAPWAP's data channel (RFC 5415): frames between an access point and its controller. */
#include "decode/tunnel/tunnel.h"

enum {
    HEADER = 8,
    BINDING_802_11 = 1,
    NATIVE_FRAME = 0x0100, /* T: a frame of the binding, not Ethernet */
    FRAGMENT = 0x0080,     /* F */
    KEEP_ALIVE = 0x0008,   /* K */
};

/* Some vendors send the two bytes of the 802.11 frame control in the wrong order. A data frame (type 2, version 0) tells
 * the order: its flags, read as the first byte, look like a data frame only in power-management frames. */
static bool is_swapped(struct bytes payload, size_t offset) {
    return (bytes_u8(payload, offset) & 0x0f) != 0x08 && (bytes_u8(payload, offset + 1) & 0x0f) == 0x08;
}

static enum tunnel_result open_capwap(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    if (bytes_u8(payload, 0) != 0)
        return TUNNEL_CLOSED; /* DTLS, or another version */
    size_t length = (size_t)(bytes_u8(payload, 1) >> 3) * 4;
    /* The 24 bits behind the preamble: HLEN 5, RID 5, WBID 5, T F L W M K, three reserved. */
    uint16_t flags = bytes_u16(payload, 2) & 0x1ff;
    uint8_t binding = (bytes_u16(payload, 2) >> 9) & 0x1f;
    uint16_t fragment_offset = bytes_u16(payload, 6) >> 3;
    if ((flags & KEEP_ALIVE) || ((flags & FRAGMENT) && fragment_offset != 0))
        return TUNNEL_CLOSED;
    if (length < HEADER || !bytes_have(payload, length, 2))
        return TUNNEL_MALFORMED;
    inner->offset = length;
    inner->content = TUNNEL_ETHERNET;
    if (!(flags & NATIVE_FRAME))
        return TUNNEL_OPEN;
    if (binding != BINDING_802_11)
        return TUNNEL_CLOSED;
    inner->content = is_swapped(payload, length) ? TUNNEL_WIFI_SWAPPED : TUNNEL_WIFI;
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_capwap = {TUNNEL_CAPWAP, open_capwap, false};
