/* The ports of fragmented datagrams, from their first fragment for the later ones, which don't carry them.
 *
 * A small table of fixed size: a datagram whose fragments are far apart, or whose first one comes last, is not found,
 * and its later fragments are counted as fragment_unknown. It is keyed at random, so that nobody can aim at its sets;
 * who floods it with first fragments makes later ones unknown, and no more. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

enum {
    FRAGMENT_SETS = 256,
    FRAGMENT_WAYS = 4,
    FRAGMENT_LIFETIME_US = 30 * 1000 * 1000, /* as long as Linux waits for the rest of a datagram */
};

/* What fragments of one datagram have in common (RFC 791, RFC 8200), and where they were seen. No padding, so that it
 * can be hashed and compared as bytes. */
struct fragment_key {
    uint8_t source[16];
    uint8_t destination[16];
    uint64_t tunnel_path;
    uint32_t identification;
    uint16_t vlan_id;
    uint8_t protocol;
    uint8_t tunnel;
};

struct fragment_ports {
    uint16_t source;
    uint16_t destination;
};

struct fragment_entry {
    struct fragment_key key;
    struct fragment_ports ports;
    int64_t time; /* microseconds, of the first fragment; INT64_MIN: unused */
};

struct fragment_table {
    struct hash_key hash_key;
    struct fragment_entry entries[FRAGMENT_SETS][FRAGMENT_WAYS];
};

/* 0 or -errno (no randomness). */
int fragment_table_init(struct fragment_table *table);

/* Notes the ports of a first fragment; the oldest entry of its set makes way. */
void fragment_remember(struct fragment_table *table, const struct fragment_key *key,
                       struct fragment_ports ports, int64_t time);

/* False if the datagram's first fragment was not seen in the last 30 seconds. */
bool fragment_recall(const struct fragment_table *table, const struct fragment_key *key, int64_t time,
                     struct fragment_ports *ports);
