/* From a packet to the key of its flow. Words are put together in registers. If they were stored byte by byte and read back
 * as words, the processor would wait for the stores. Nothing here is shared: the caller's thread. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "decode/walk/packet.h"
#include "meter/flow.h"

static inline uint64_t key_load(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Whether the packet's source is higher than its destination: addresses as numbers, then ports. */
static inline bool key_is_reversed(const struct packet *packet) {
    uint64_t source = be64toh(key_load(packet->source));
    uint64_t destination = be64toh(key_load(packet->destination));
    if (source == destination) {
        source = be64toh(key_load(packet->source + 8));
        destination = be64toh(key_load(packet->destination + 8));
    }
    if (source == destination)
        return packet->source_port > packet->destination_port;
    return source > destination;
}

/* Fills the canonical key; true if the packet's source is its (address_b, port_b). */
static inline bool key_from_packet(struct flow_key *key, const struct packet *packet, bool with_ip_version) {
    bool reversed = key_is_reversed(packet);
    memcpy(key->address_a, reversed ? packet->destination : packet->source, sizeof(key->address_a));
    memcpy(key->address_b, reversed ? packet->source : packet->destination, sizeof(key->address_b));
    key->port_a = reversed ? packet->destination_port : packet->source_port;
    key->port_b = reversed ? packet->source_port : packet->destination_port;
    key->vlan_id = packet->vlan_id;
    key->protocol = packet->protocol;
    key->ip_version = with_ip_version ? packet->ip_version : 0;
    key->tunnel = packet->tunnel_path << 8 | packet->tunnel;
    return reversed;
}

static inline bool key_equal(const struct flow_key *one, const struct flow_key *other) {
    uint64_t addresses = (key_load(one->address_a) ^ key_load(other->address_a)) |
                         (key_load(one->address_a + 8) ^ key_load(other->address_a + 8)) |
                         (key_load(one->address_b) ^ key_load(other->address_b)) |
                         (key_load(one->address_b + 8) ^ key_load(other->address_b + 8));
    int rest = (one->port_a ^ other->port_a) | (one->port_b ^ other->port_b) |
               (one->vlan_id ^ other->vlan_id) | (one->protocol ^ other->protocol) |
               (one->ip_version ^ other->ip_version);
    return (addresses | (one->tunnel ^ other->tunnel)) == 0 && rest == 0;
}

/* If only the first 4 bytes of both addresses are used (IPv4), only those are hashed, and the tunnel's word only if
 * there is a tunnel. That is a third of the work. Equal keys still have equal hashes: what is left out depends on the
 * key's bytes, not on the IP version. */
static inline uint32_t key_hash(const struct hash_key *seed, const struct flow_key *key) {
    uint64_t a = key_load(key->address_a), b = key_load(key->address_b);
    uint64_t a_rest = key_load(key->address_a + 8), b_rest = key_load(key->address_b + 8);
    size_t no_tunnel = key->tunnel == 0 ? sizeof(key->tunnel) : 0;
    uint64_t a_high = be64toh(a), b_high = be64toh(b);
    uint64_t rest = key->port_a | (uint64_t)key->port_b << 16 | (uint64_t)key->vlan_id << 32 |
                    (uint64_t)key->protocol << 48 | (uint64_t)key->ip_version << 56;
    if (((a_high | b_high) & UINT32_MAX) != 0 || (a_rest | b_rest) != 0) {
        uint64_t words[] = {a, a_rest, b, b_rest, rest, key->tunnel};
        return (uint32_t)hash_table(seed, words, sizeof(words) - no_tunnel);
    }
    uint64_t words[] = {a_high | b_high >> 32, rest, key->tunnel};
    return (uint32_t)hash_table(seed, words, sizeof(words) - no_tunnel);
}
