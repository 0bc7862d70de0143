/* A header between link and IP that the native dialect walks: one file and one row in tags.def. */
#pragma once

#include "decode/walk/ethertypes.h"
#include "decode/walk/walk.h"

/* Walks the header at walk->offset. DECODE_METERED, and in `*type` the EtherType of what follows, which may be IP; or the
 * reason why the frame is not metered. */
#define TAG(name, ...) enum decode_reason tag_##name(struct native_walk *walk, uint16_t *type);
#include "decode/tag/tags.def"
#undef TAG

/* Skips a header of `length` bytes whose last two are the EtherType of what follows. */
static inline enum decode_reason tag_skip(struct native_walk *walk, size_t length, uint16_t *type) {
    if (!native_have(walk, length))
        return DECODE_link_truncated;
    walk->offset += length;
    *type = bytes_u16(walk->frame, walk->offset - 2);
    return native_descend(walk);
}
