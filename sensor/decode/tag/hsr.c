/* HSR (IEC 62439-3): rings with redundancy; path, size and sequence number. */
#include "decode/tag/tag.h"

enum decode_reason tag_hsr(struct native_walk *walk, uint16_t *type) {
    return tag_skip(walk, 6, type);
}
