/* The keyed hashes that name a flow, as text. The hashed bytes are put together one by one, so that with a kept key they are
 * the same on every architecture. Nothing here is shared: the caller's thread. */
#pragma once

#include "base/hash.h"
#include "meter/flow.h"

enum { FLOW_HASH_DIGITS = 32 };

/* flow_uid: one flow at one place, of the whole key of the flow and the time when it began. No NUL is written. */
void flow_hash_uid(const struct hash_key *key, const struct flow *flow, char digits[FLOW_HASH_DIGITS]);

/* conn_key: a conversation, wherever and whenever it is seen. Only what is equal at every place is hashed: addresses, ports,
 * protocol and IP version of the innermost packet. Both directions have one canonical key. No NUL is written. */
void flow_hash_conversation(const struct hash_key *key, const struct flow *flow,
                            char digits[FLOW_HASH_DIGITS]);
