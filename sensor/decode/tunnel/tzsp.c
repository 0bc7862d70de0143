/* TZSP, the TaZmen Sniffer Protocol: a device sends the frames that it received to an analyzer. */
#include "decode/tunnel/tunnel.h"
#include "decode/walk/link_types.h"

enum {
    HEADER = 4,
    VERSION = 1,
    TYPE_RECEIVED = 0,
    TYPE_TO_SEND = 1,
    TAG_PADDING = 0,
    TAG_END = 1,
};

/* The link type of the frames, by TZSP's numbers and libpcap's. */
static const struct {
    uint16_t content, link_type;
} contents[] = {
    {1, LINK_ETHERNET},    {4, LINK_PPP},     {7, LINK_RAW},
    {18, LINK_IEEE802_11}, {119, LINK_PRISM}, {127, LINK_IEEE802_11_AVS},
};

static bool tzsp_read_content(uint16_t content, struct tunnel_inner *inner) {
    inner->content = TUNNEL_LINK;
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        inner->type = contents[i].link_type;
        if (contents[i].content == content)
            return true;
    }
    return false;
}

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
    if (type != TYPE_RECEIVED && type != TYPE_TO_SEND)
        return TUNNEL_CLOSED; /* keep-alives and the like */
    if (!tzsp_read_content(bytes_u16(payload, 2), inner))
        return TUNNEL_CLOSED;
    inner->offset = HEADER;
    return skip_tags(payload, &inner->offset) ? TUNNEL_OPEN : TUNNEL_MALFORMED;
}

const struct tunnel tunnel_tzsp = {TUNNEL_TZSP, open_tzsp, false};
