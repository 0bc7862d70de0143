/* MPLS (RFC 3032). Only the two ends know what the labels carry, unless the last label is an explicit null. */
#include "decode/tag/tag.h"

enum {
    LABEL_IPV4_NULL = 0,
    LABEL_ROUTER_ALERT = 1,
    LABEL_IPV6_NULL = 2,
    LABEL_UNRESERVED = 16, /* below: kinds of maintenance (RFC 3429, RFC 5586) */
};

/* Walks the stack; the last label in `*label`. */
static enum decode_reason mpls_labels(struct native_walk *walk, uint32_t *label) {
    bool bottom = false;
    while (!bottom) {
        enum decode_reason reason = native_descend(walk);
        if (reason != DECODE_METERED)
            return reason;
        if (!native_have(walk, 4))
            return DECODE_link_truncated;
        uint32_t entry = bytes_u32(walk->frame, walk->offset);
        *label = entry >> 12;
        bottom = entry >> 8 & 1;
        walk->offset += 4;
    }
    return DECODE_METERED;
}

static enum decode_reason mpls_payload(struct native_walk *walk, uint32_t label) {
    switch (label) {
    case LABEL_IPV4_NULL: walk->version = 4; return DECODE_METERED;
    case LABEL_IPV6_NULL: walk->version = 6; return DECODE_METERED;
    default: break;
    }
    bool is_maintenance = label < LABEL_UNRESERVED && label != LABEL_ROUTER_ALERT;
    return is_maintenance ? DECODE_not_ip : native_unlabelled(walk, true);
}

enum decode_reason tag_mpls(struct native_walk *walk, uint16_t *type) {
    uint32_t label = 0;
    enum decode_reason reason = mpls_labels(walk, &label);
    if (reason == DECODE_METERED)
        reason = mpls_payload(walk, label);
    *type = walk->version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    return reason;
}
