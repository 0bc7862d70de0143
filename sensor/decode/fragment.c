#include "decode/fragment.h"

#include <string.h>

_Static_assert(sizeof(struct fragment_key) == 48,
               "the key is hashed and compared as bytes: it has no padding");

static unsigned set_of(const struct fragment_table *table, const struct fragment_key *key) {
    return (unsigned)(hash_table(&table->hash_key, key, sizeof *key) % FRAGMENT_SETS);
}

void fragment_forget(struct fragment_table *table) {
    for (unsigned set = 0; set < FRAGMENT_SETS; set++)
        for (unsigned way = 0; way < FRAGMENT_WAYS; way++)
            table->entries[set][way].time = INT64_MIN;
}

int fragment_table_init(struct fragment_table *table) {
    fragment_forget(table);
    return hash_key_random(&table->hash_key);
}

void fragment_remember(struct fragment_table *table, const struct fragment_key *key,
                       const struct fragment_datagram *datagram, int64_t time) {
    struct fragment_entry *ways = table->entries[set_of(table, key)];
    struct fragment_entry *chosen = &ways[0];
    for (unsigned way = 0; way < FRAGMENT_WAYS; way++) {
        if (memcmp(&ways[way].key, key, sizeof *key) == 0) {
            chosen = &ways[way];
            break;
        }
        if (ways[way].time < chosen->time)
            chosen = &ways[way];
    }
    *chosen = (struct fragment_entry){.key = *key, .time = time, .datagram = *datagram};
}

const struct fragment_datagram *fragment_recall(const struct fragment_table *table,
                                                const struct fragment_key *key, int64_t time) {
    const struct fragment_entry *ways = table->entries[set_of(table, key)];
    for (unsigned way = 0; way < FRAGMENT_WAYS; way++) {
        bool is_fresh = ways[way].time >= time - FRAGMENT_LIFETIME_US;
        if (is_fresh && memcmp(&ways[way].key, key, sizeof *key) == 0)
            return &ways[way].datagram;
    }
    return NULL;
}

void fragment_describe(const struct fragment_datagram *datagram, struct packet *packet) {
    packet->protocol = datagram->protocol;
    packet->source_port = datagram->source_port;
    packet->destination_port = datagram->destination_port;
    packet->icmp_type = datagram->icmp_type;
    packet->icmp_code = datagram->icmp_code;
    packet->flags |= datagram->flags;
    if (!datagram->has_sizes)
        packet->size[ACCOUNT_TRANSPORT] = packet->size[ACCOUNT_PAYLOAD] = 0;
}
