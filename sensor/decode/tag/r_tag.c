/* R-TAG (IEEE 802.1CB): the sequence number of replicated frames. */
#include "decode/tag/tag.h"

enum decode_reason tag_r_tag(struct native_walk *walk, uint16_t *type) {
    return tag_skip(walk, 6, type);
}
