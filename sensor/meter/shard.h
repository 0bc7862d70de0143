/* Which of several meters a packet belongs to. They share nothing, so all packets of a flow must go to the same one. */
#pragma once

#include <stdint.h>

#include "meter/key.h"
#include "meter/options.h"

/* 0 to `meters` - 1, the same for both directions of a flow. The caller's seed is random at each start, so that nobody can
 * aim traffic at one meter. The meters' tables have seeds of their own, and use the hash's low bits; this uses the high
 * ones.
 * @thread any (read, where files have several meters) */
static inline unsigned shard_of(const struct packet *packet, enum meter_profile profile, unsigned meters,
                                const struct hash_key *seed) {
    struct flow_key key;
    key_from_packet(&key, packet, profile == PROFILE_NATIVE);
    return (unsigned)((uint64_t)key_hash(seed, &key) * meters >> 32);
}
