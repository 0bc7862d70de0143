#include "record/field/flow_hash.h"

#include <endian.h>
#include <string.h>

#include "base/hex.h"
#include "meter/conversation.h"

static uint8_t *put_big_endian16(uint8_t *out, uint16_t number) {
    number = htobe16(number);
    memcpy(out, &number, sizeof number);
    return out + sizeof number;
}

static uint8_t *put_big_endian32(uint8_t *out, uint32_t number) {
    number = htobe32(number);
    memcpy(out, &number, sizeof number);
    return out + sizeof number;
}

static uint8_t *put_big_endian64(uint8_t *out, uint64_t number) {
    number = htobe64(number);
    memcpy(out, &number, sizeof number);
    return out + sizeof number;
}

void flow_hash_uid(const struct hash_key *key, const struct flow *flow, char digits[FLOW_HASH_DIGITS]) {
    uint8_t bytes[CONVERSATION_ENDS_SIZE + 2 + 1 + 1 + 8 + 8 + 4];
    uint8_t *out = conversation_put_ends(bytes, &flow->key);
    out = put_big_endian16(out, flow->key.vlan_id);
    *out++ = flow->key.protocol;
    *out++ = flow->key.ip_version;
    out = put_big_endian64(out, flow->key.tunnel);
    out = put_big_endian64(out, (uint64_t)flow->uid_time);
    if (flow->uid_series != 0)
        out = put_big_endian32(out, flow->uid_series);
    struct hash128 hash = hash_identity(key, bytes, (size_t)(out - bytes));
    hex_put(digits, hash.bytes, sizeof hash.bytes);
}

void flow_hash_conversation(const struct hash_key *key, const struct flow *flow,
                            char digits[FLOW_HASH_DIGITS]) {
    /* The flow's IP version, not the key's: the nfstream profile's key has none. */
    struct hash128 hash = conversation_hash(key, &flow->key, flow->ip_version);
    hex_put(digits, hash.bytes, sizeof hash.bytes);
}
