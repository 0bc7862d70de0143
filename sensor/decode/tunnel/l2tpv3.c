#include "decode/tunnel/l2tpv3.h"

#include "decode/tunnel/carried_ip.h"
#include "decode/walk/ethertypes.h"

enum {
    SESSION = 4,
    GAP_MAX = 12, /* a cookie of 0, 4 or 8 bytes, a sublayer of 0 or 4 */
    GAP_STEP = 4,
    ETHERNET_HEADER = 14,
    VLAN_TAG = 4,
    TYPE_VLAN = 0x8100,
    TYPE_VLAN_SERVICE = 0x88a8,
    LEAST_ETHERNET_PAYLOAD = 46,
    PPP_HEADER = 4,
};

/* What was found so far. */
struct found {
    size_t packet; /* where its IP packet begins */
    unsigned count;
    bool cut;
};

/* Notes an IP packet at `packet`, in a header that begins at `place`. A tagged frame also looks like an untagged one four
 * bytes later, so the first of equal finds counts. */
static void note_found(struct found *found, enum carried_ip carried, enum tunnel_content content,
                       size_t place, size_t packet, struct tunnel_inner *inner) {
    found->cut |= carried == CARRIED_CUT;
    if (carried != CARRIED_IP || (found->count > 0 && found->packet == packet))
        return;
    found->count++;
    found->packet = packet;
    inner->content = content;
    inner->offset = place;
}

/* Looks for an Ethernet frame with IP in it, behind up to two VLAN tags. */
static void look_for_ethernet(struct found *found, struct bytes payload, size_t place,
                              struct tunnel_inner *inner) {
    size_t end = place + ETHERNET_HEADER;
    bool may_be_padded = end + LEAST_ETHERNET_PAYLOAD >= inner->announced;
    uint16_t type = TYPE_VLAN;
    for (unsigned tags = 0; tags <= 2 && (type == TYPE_VLAN || type == TYPE_VLAN_SERVICE); tags++) {
        end += tags > 0 ? VLAN_TAG : 0;
        if (end > inner->announced)
            return;
        if (!bytes_have(payload, 0, end)) {
            found->cut = true;
            return;
        }
        type = bytes_u16(payload, end - 2);
    }
    if (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6)
        note_found(found, carried_ip(payload, end, may_be_padded ? LEAST_ETHERNET_PAYLOAD : 0, inner),
                   TUNNEL_ETHERNET, place, end, inner);
}

enum tunnel_result l2tpv3_open_session(struct bytes payload, size_t offset, struct tunnel_inner *inner) {
    if (!bytes_have(payload, offset, SESSION))
        return TUNNEL_CUT;
    uint32_t session = bytes_u32(payload, offset);
    struct found found = {0};
    if (session == 0)
        return TUNNEL_CLOSED; /* control */
    size_t first = offset + SESSION, last = first + GAP_MAX;
    for (size_t place = first; place <= last; place += GAP_STEP)
        look_for_ethernet(&found, payload, place, inner);
    for (size_t place = first; place <= last + PPP_HEADER; place += GAP_STEP)
        note_found(&found, carried_ip(payload, place, 0, inner), TUNNEL_IP, place, place, inner);
    if (found.count == 0 && found.cut)
        return TUNNEL_CUT;
    inner->has_key = true;
    inner->key = session;
    return found.count == 1 ? TUNNEL_OPEN : TUNNEL_CLOSED;
}

static enum tunnel_result open_l2tpv3(struct bytes payload, struct tunnel_inner *inner) {
    return l2tpv3_open_session(payload, 0, inner);
}

const struct tunnel tunnel_l2tpv3 = {TUNNEL_L2TP, open_l2tpv3, true};
