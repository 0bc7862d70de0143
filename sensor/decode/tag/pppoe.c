/* PPPoE sessions (RFC 2516). */
#include "decode/tag/tag.h"

enum decode_reason tag_pppoe(struct native_walk *walk, uint16_t *type) {
    *type = ETHERTYPE_IPV4; /* or IPv6: its version says so */
    return native_pppoe(walk);
}
