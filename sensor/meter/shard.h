/* Which of several meters a packet belongs to. They share nothing, so all packets of a flow must go to the same one. */
#pragma once

#include <stdint.h>

#include "meter/key.h"
#include "meter/options.h"

/* The hash of the packet's flow key, the same for both directions of a flow. With the seed that the meters' options have it
 * serves meter_hashed_packet() too. The seed is random at each start, so that nobody can aim traffic at one meter.
 * @thread any (read, where files have several meters) */
static inline uint32_t shard_hash(const struct packet *packet, enum meter_profile profile,
                                  const struct hash_key *seed) {
    struct flow_key key;
    key_from_packet(&key, packet, profile == PROFILE_NATIVE);
    return key_hash(seed, &key);
}

/* 0 to `meters` - 1, by the high bits of the hash: the meters' tables use the low ones for places. They compare the highest
 * twelve too, of which the few that all flows of a meter have in common tell nothing then.
 * @thread any */
static inline unsigned shard_of(uint32_t hash, unsigned meters) {
    return (unsigned)((uint64_t)hash * meters >> 32);
}
