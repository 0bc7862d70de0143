/* E-Tag (IEEE 802.1BR): between a switch and its port extenders. Its channel is no VLAN, and differs by direction. */
#include "decode/tag/tag.h"

enum decode_reason tag_e_tag(struct native_walk *walk, uint16_t *type) {
    return tag_skip(walk, 8, type);
}
