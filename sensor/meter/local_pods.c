#include "meter/local_pods.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"

/* A word is the upper 48 bits of the address's hash and the interface's slot. */
enum { PLACES = 1 << 14, WINDOW = 8, SLOT_BITS = 16 };

struct local_pods {
    struct hash_key seed;
    local_pods_alive *alive;
    const void *context;
    _Atomic uint64_t words[PLACES];
};

struct local_pods *local_pods_create(local_pods_alive *alive, const void *context) {
    struct local_pods *pods = calloc(1, sizeof *pods);
    if (pods == NULL || hash_key_random(&pods->seed) < 0) {
        free(pods);
        return NULL;
    }
    pods->alive = alive;
    pods->context = context;
    return pods;
}

void local_pods_destroy(struct local_pods *pods) {
    free(pods);
}

static uint64_t digest_of(const struct local_pods *pods, const uint8_t address[16]) {
    return hash_table(&pods->seed, address, 16) >> SLOT_BITS << SLOT_BITS;
}

static size_t place_of(uint64_t digest, size_t step) {
    return (digest / (1u << SLOT_BITS) + step) % PLACES;
}

static uint64_t word_at(const struct local_pods *pods, size_t place) {
    return atomic_load_explicit(&pods->words[place], memory_order_relaxed);
}

static bool is_alive(const struct local_pods *pods, uint64_t word) {
    return word != 0 && pods->alive(pods->context, (uint16_t)word);
}

void local_pods_learn(struct local_pods *pods, const uint8_t address[16], uint16_t interface) {
    uint64_t digest = digest_of(pods, address);
    size_t chosen = place_of(digest, 0);
    bool found_free = false;
    for (size_t step = 0; step < WINDOW; step++) {
        uint64_t word = word_at(pods, place_of(digest, step));
        if (word == (digest | interface))
            return;
        bool same = word >> SLOT_BITS == digest >> SLOT_BITS;
        if (same || (!found_free && !is_alive(pods, word))) {
            chosen = place_of(digest, step);
            found_free = true;
        }
        if (same)
            break;
    }
    atomic_store_explicit(&pods->words[chosen], digest | interface, memory_order_relaxed);
}

bool local_pods_has(const struct local_pods *pods, const uint8_t address[16]) {
    uint64_t digest = digest_of(pods, address);
    for (size_t step = 0; step < WINDOW; step++) {
        uint64_t word = word_at(pods, place_of(digest, step));
        if (word >> SLOT_BITS == digest >> SLOT_BITS && is_alive(pods, word))
            return true;
    }
    return false;
}
