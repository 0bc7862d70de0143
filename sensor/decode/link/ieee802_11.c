/* IEEE 802.11 without a header of the capture's own. */
#include "decode/link/link.h"

enum decode_reason link_ieee802_11(struct native_walk *walk) {
    return native_wifi(walk, false, false);
}
