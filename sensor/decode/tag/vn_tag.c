/* VN-Tag: Cisco's tag between a switch and virtual interfaces, before 802.1BR. Its interfaces differ by direction. */
#include "decode/tag/tag.h"

enum decode_reason tag_vn_tag(struct native_walk *walk, uint16_t *type) {
    return tag_skip(walk, 6, type);
}
