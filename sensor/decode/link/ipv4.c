/* IPv4 without a link header. */
#include "decode/link/link.h"

enum decode_reason link_ipv4(struct native_walk *walk) {
    walk->version = 4;
    return DECODE_METERED;
}
