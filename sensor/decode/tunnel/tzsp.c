/* TZSP, the TaZmen Sniffer Protocol: frames that a device heard, sent to whoever analyses them. */
#include "decode/tunnel/tunnel.h"

enum {
    HEADER = 4,
    VERSION = 1,
    TYPE_RECEIVED = 0,
    TYPE_TO_SEND = 1,
    CONTENT_ETHERNET = 1,
    CONTENT_802_11 = 18,
    TAG_PADDING = 0,
    TAG_END = 1,
};

/* Padding and the end are a type alone; other tags have a length and content. */
static bool skip_tags(struct bytes payload, size_t *offset) {
    while (bytes_have(payload, *offset, 1)) {
        uint8_t tag = bytes_u8(payload, (*offset)++);
        if (tag == TAG_END)
            return true;
        if (tag == TAG_PADDING)
            continue;
        if (!bytes_have(payload, *offset, 1))
            return false;
        *offset += 1 + (size_t)bytes_u8(payload, *offset);
    }
    return false;
}

static enum tunnel_result open_tzsp(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    if (bytes_u8(payload, 0) != VERSION)
        return TUNNEL_CLOSED;
    uint8_t type = bytes_u8(payload, 1);
    uint16_t content = bytes_u16(payload, 2);
    if (type != TYPE_RECEIVED && type != TYPE_TO_SEND)
        return TUNNEL_CLOSED; /* keep-alives and the like */
    if (content != CONTENT_ETHERNET && content != CONTENT_802_11)
        return TUNNEL_CLOSED;
    inner->offset = HEADER;
    inner->content = content == CONTENT_ETHERNET ? TUNNEL_ETHERNET : TUNNEL_WIFI;
    return skip_tags(payload, &inner->offset) ? TUNNEL_OPEN : TUNNEL_MALFORMED;
}

const struct tunnel tunnel_tzsp = {TUNNEL_TZSP, open_tzsp, false};
