/* Frame relay behind a byte that says whether the host received or sent it. */
#include "decode/link/link.h"

enum decode_reason link_frame_relay_with_direction(struct native_walk *walk) {
    if (!native_have(walk, 1))
        return DECODE_link_truncated;
    walk->offset++;
    return link_frame_relay(walk);
}
