/* What Aruba's access points send to their controller in GRE. The type says which of their networks it is of. It carries
 * 802.11, or Ethernet where the access point decrypts; the frame's bytes tell which. Most of it is encrypted, and is
 * metered as GRE. */
#include <string.h>

#include "decode/tunnel/carried_ip.h"
#include "decode/tunnel/gre.h"
#include "decode/walk/ethertypes.h"

enum {
    TYPE_FIRST = 0x8200,
    TYPE_LAST = 0x83f0, /* in steps of 16 */
    TYPE_STEP_MASK = 0x000f,
    WIFI_DATA = 0x08, /* version 0, data; of QoS or not */
    WIFI_DATA_MASK = 0x7f,
    WIFI_HEADER = 24,
    WIFI_BOTH_DS = 0x03,
    WIFI_IS_QOS = 0x80,
    WIFI_PROTECTED = 0x40,
    ETHERNET_HEADER = 14,
};

/* Whether it is an unencrypted data frame with SNAP behind its header. With too few bytes it is not. */
static bool is_wifi(struct bytes payload, size_t offset, bool *cut) {
    *cut = !bytes_have(payload, offset, 2);
    if (*cut)
        return false;
    uint8_t kind = bytes_u8(payload, offset), flags = bytes_u8(payload, offset + 1);
    if ((kind & WIFI_DATA_MASK) != WIFI_DATA || (flags & WIFI_PROTECTED))
        return false;
    size_t header =
        WIFI_HEADER + ((flags & WIFI_BOTH_DS) == WIFI_BOTH_DS ? 6 : 0) + (kind & WIFI_IS_QOS ? 2 : 0);
    *cut = !bytes_have(payload, offset, header + 3);
    return !*cut && memcmp(payload.data + offset + header, "\xaa\xaa\x03", 3) == 0;
}

static enum tunnel_result open_ethernet(struct bytes payload, struct tunnel_inner *inner) {
    size_t header = inner->offset;
    if (!bytes_have(payload, header, ETHERNET_HEADER))
        return TUNNEL_CUT;
    uint16_t type = bytes_u16(payload, header + ETHERNET_HEADER - 2);
    if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
        return TUNNEL_CLOSED;
    inner->offset += ETHERNET_HEADER;
    enum tunnel_result result = carried_ip_opens(payload, inner);
    inner->offset = header;
    inner->content = TUNNEL_ETHERNET;
    return result;
}

static enum tunnel_result open_aruba(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, GRE_FIXED))
        return TUNNEL_CUT;
    struct gre_start start = gre_start(payload);
    bool cut;
    if (!gre_is_plain(start.flags) || start.type < TYPE_FIRST || start.type > TYPE_LAST ||
        (start.type & TYPE_STEP_MASK) != 0)
        return TUNNEL_CLOSED;
    inner->offset = gre_length(start.flags);
    if (!bytes_have(payload, 0, inner->offset))
        return TUNNEL_MALFORMED;
    inner->has_key = start.flags & GRE_HAS_KEY;
    if (inner->has_key)
        inner->key = bytes_u32(payload, gre_key_end(start.flags) - 4);
    inner->content = TUNNEL_WIFI;
    if (is_wifi(payload, inner->offset, &cut))
        return TUNNEL_OPEN;
    return cut ? TUNNEL_CUT : open_ethernet(payload, inner);
}

const struct tunnel tunnel_aruba = {TUNNEL_GRE, open_aruba, false};
