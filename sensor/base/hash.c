#include "base/hash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* The state of SipHash: four words, named as in the paper (section 2). */
struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t word, unsigned bits) {
    return (word << bits) | (word >> (64 - bits));
}

static inline uint64_t load_word(const uint8_t *data) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return le64toh(word);
}

static inline void sip_round(struct sip *sip) {
    sip->v0 += sip->v1;
    sip->v2 += sip->v3;
    sip->v1 = rotate_left(sip->v1, 13) ^ sip->v0;
    sip->v3 = rotate_left(sip->v3, 16) ^ sip->v2;
    sip->v0 = rotate_left(sip->v0, 32);
    sip->v2 += sip->v1;
    sip->v0 += sip->v3;
    sip->v1 = rotate_left(sip->v1, 17) ^ sip->v2;
    sip->v3 = rotate_left(sip->v3, 21) ^ sip->v0;
    sip->v2 = rotate_left(sip->v2, 32);
}

static inline void sip_rounds(struct sip *sip, int rounds) {
    for (int i = 0; i < rounds; i++)
        sip_round(sip);
}

static inline struct sip sip_start(const struct hash_key *key) {
    return (struct sip){
        .v0 = key->word[0] ^ 0x736f6d6570736575, /* "somepseudorandomlygeneratedbytes" */
        .v1 = key->word[1] ^ 0x646f72616e646f6d,
        .v2 = key->word[0] ^ 0x6c7967656e657261,
        .v3 = key->word[1] ^ 0x7465646279746573,
    };
}

static inline void sip_word(struct sip *sip, uint64_t word, int rounds) {
    sip->v3 ^= word;
    sip_rounds(sip, rounds);
    sip->v0 ^= word;
}

/* All of the message: whole words, then the rest with the length in the last word's top byte. */
static inline void sip_message(struct sip *sip, const uint8_t *data, size_t length, int rounds) {
    const uint8_t *rest = data + (length & ~(size_t)7);
    for (; data != rest; data += 8)
        sip_word(sip, load_word(data), rounds);
    uint64_t last = (uint64_t)length << 56;
    for (size_t i = 0; i < (length & 7); i++)
        last |= (uint64_t)rest[i] << (8 * i);
    sip_word(sip, last, rounds);
}

static inline uint64_t sip_fold(const struct sip *sip) {
    return sip->v0 ^ sip->v1 ^ sip->v2 ^ sip->v3;
}

int hash_key_random(struct hash_key *key) {
    ssize_t got = getrandom(key, sizeof *key, 0);
    if (got < 0)
        return -errno;
    /* getrandom(2) gives up to 256 bytes in one call. */
    return got == (ssize_t)sizeof *key ? 0 : -EIO;
}

uint64_t hash_table(const struct hash_key *key, const void *data, size_t length) {
    struct sip sip = sip_start(key);
    sip_message(&sip, data, length, 1);
    sip.v2 ^= 0xff;
    sip_rounds(&sip, 3);
    return sip_fold(&sip);
}

struct hash128 hash_identity(const struct hash_key *key, const void *data, size_t length) {
    struct sip sip = sip_start(key);
    sip.v1 ^= 0xee;
    sip_message(&sip, data, length, 2);
    sip.v2 ^= 0xee;
    sip_rounds(&sip, 4);
    uint64_t low = htole64(sip_fold(&sip));
    sip.v1 ^= 0xdd;
    sip_rounds(&sip, 4);
    uint64_t high = htole64(sip_fold(&sip));

    struct hash128 hash;
    memcpy(hash.bytes, &low, sizeof low);
    memcpy(hash.bytes + sizeof low, &high, sizeof high);
    return hash;
}
