#include "meter/conversation.h"

#include <endian.h>
#include <string.h>

static uint8_t *put_port(uint8_t *out, uint16_t port) {
    port = htobe16(port);
    memcpy(out, &port, sizeof port);
    return out + sizeof port;
}

uint8_t *conversation_put_ends(uint8_t *out, const struct flow_key *key) {
    memcpy(out, key->address_a, 16);
    memcpy(out + 16, key->address_b, 16);
    return put_port(put_port(out + 32, key->port_a), key->port_b);
}

struct hash128 conversation_hash(const struct hash_key *key, const struct flow_key *flow_key,
                                 uint8_t ip_version) {
    uint8_t bytes[CONVERSATION_ENDS_SIZE + 1 + 1];
    uint8_t *out = conversation_put_ends(bytes, flow_key);
    *out++ = flow_key->protocol;
    *out++ = ip_version;
    return hash_identity(key, bytes, (size_t)(out - bytes));
}
