/* A header between link and IP that the native dialect walks: one file and one row in tags.def. */
#pragma once

#include "decode/ethertypes.h"
#include "decode/native.h"

/* Walks the header at walk->offset. DECODE_METERED and in `*type` the EtherType of what follows, of IP itself too; or the
 * reason why the frame is not metered. */
#define TAG(name, ...) enum decode_reason tag_##name(struct native_walk *walk, uint16_t *type);
#include "decode/tag/tags.def"
#undef TAG
