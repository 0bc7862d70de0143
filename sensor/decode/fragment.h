/* What the first fragment of a datagram says for all of its fragments: protocol and ports, which later ones don't carry.
 *
 * The table is small and of fixed size: if many datagrams come between two fragments, the datagram is not found. The table
 * has a random key, so that nobody can aim at one of its sets. A flood of first fragments makes later ones unknown, and
 * does no other harm. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "decode/walk/packet.h"

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
    uint8_t protocol; /* as IPv4's header says; of IPv6, whose later fragments may say anything, always 44 */
    uint8_t tunnel;
};

/* What a first fragment says. */
struct fragment_datagram {
    uint16_t source_port, destination_port;
    uint8_t protocol;    /* behind all IP headers */
    uint8_t looked_into; /* a tunnel: what is left of it in later fragments has no flow */
    uint8_t icmp_type, icmp_code;
    uint8_t flags;  /* PACKET_HAS_ICMP or 0 */
    bool has_sizes; /* the sizes of its transport and payload are told */
};

struct fragment_entry {
    struct fragment_key key;
    int64_t time; /* microseconds, of the first fragment; INT64_MIN: unused */
    struct fragment_datagram datagram;
};

struct fragment_table {
    struct hash_key hash_key;
    struct fragment_entry entries[FRAGMENT_SETS][FRAGMENT_WAYS];
};

/* 0 or -errno (no randomness). */
int fragment_table_init(struct fragment_table *table);

/* Forgets all datagrams. */
void fragment_forget(struct fragment_table *table);

/* Notes what a first fragment says, in place of the oldest entry of its set. */
void fragment_remember(struct fragment_table *table, const struct fragment_key *key,
                       const struct fragment_datagram *datagram, int64_t time);

/* Gives a later fragment its protocol and ports; it has the sizes that held_put() asks for. */
void fragment_describe(const struct fragment_datagram *datagram, struct packet *packet);

/* NULL if the datagram's first fragment was not seen in the last 30 seconds. */
const struct fragment_datagram *fragment_recall(const struct fragment_table *table,
                                                const struct fragment_key *key, int64_t time);
