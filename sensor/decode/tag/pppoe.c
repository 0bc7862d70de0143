/* PPPoE sessions (RFC 2516). */
#include "decode/tag/tag.h"

enum decode_reason tag_pppoe(struct native_walk *walk, uint16_t *type) {
    enum decode_reason reason = native_pppoe(walk);
    *type = walk->version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    return reason;
}
