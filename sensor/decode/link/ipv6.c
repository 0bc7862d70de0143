/* IPv6 without a link header. */
#include "decode/link/link.h"

enum decode_reason link_ipv6(struct native_walk *walk) {
    walk->version = 6;
    return DECODE_METERED;
}
