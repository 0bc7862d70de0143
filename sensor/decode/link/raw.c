/* IP without a link header, of either version. */
#include "decode/link/link.h"

enum decode_reason link_raw(struct native_walk *walk) {
    (void)walk;
    return DECODE_METERED;
}
