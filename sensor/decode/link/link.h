/* A link layer that the native dialect decodes: one file and one row in links.def. */
#pragma once

#include "decode/walk/link_types.h"
#include "decode/walk/walk.h"

/* From the link header at walk->offset to the IP header: DECODE_METERED, or the reason why not. */
#define LINK(name, ...) enum decode_reason link_##name(struct native_walk *walk);
#include "decode/link/links.def"
#undef LINK

/* Linux cooked captures: goes on by the protocol; the caller has passed the header. */
enum decode_reason link_cooked_protocol(struct native_walk *walk, uint16_t protocol);

/* Notes the sender's address, if it has the length of Ethernet's. */
void link_note_source(struct native_walk *walk, const uint8_t *address, size_t length);

/* An address family (in the capturing system's numbers) says what follows: DECODE_METERED or DECODE_not_ip. */
enum decode_reason link_family(struct native_walk *walk, uint32_t family);
