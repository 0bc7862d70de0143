/* PPPoE without Ethernet. */
#include "decode/link/link.h"

enum decode_reason link_ppp_ether(struct native_walk *walk) {
    return native_pppoe(walk);
}
