/* A conversation: two ends and their protocol, whatever tunnel, VLAN, interface or time they are seen in. Its hash is
 * conn_key in records (record/field/flow_hash.h), and decides which new flows an overloaded meter takes (meter/overload.h).
 * The hashed bytes are put together one by one, so that with a kept key they are the same on every architecture. Nothing
 * here is shared: the caller's thread. */
#pragma once

#include <stdint.h>

#include "base/hash.h"
#include "meter/flow.h"

/* The ends in the key's canonical order: addresses and ports. */
enum { CONVERSATION_ENDS_SIZE = 16 + 16 + 2 + 2 };

/* Writes the ends, which is where a hash of a flow begins. Returns where they end. */
uint8_t *conversation_put_ends(uint8_t *out, const struct flow_key *key);

/* Both directions have one hash. The IP version is the packet's, which not every flow key has. */
struct hash128 conversation_hash(const struct hash_key *key, const struct flow_key *flow_key,
                                 uint8_t ip_version);
