/* Keyed hashes (SipHash, Aumasson and Bernstein 2012). The table of flows is keyed with a random seed per
 * start, so that nobody can choose packets whose flows collide; identities use the 128-bit form under a key
 * that may be kept. Nothing here is shared: the caller's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t word[2];
};

struct hash128 {
    uint8_t bytes[16];
};

/* A random key from the kernel (getrandom). 0 or -errno. */
int hash_key_random(struct hash_key *key);

/* SipHash-1-3: fast, for tables in memory only. */
uint64_t hash_table(const struct hash_key *key, const void *data, size_t length);

/* SipHash-2-4 with 128 bits of output: for identities that leave the process. */
struct hash128 hash_identity(const struct hash_key *key, const void *data, size_t length);
