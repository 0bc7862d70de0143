#include "capture/live/interface_slots.h"

#include <stdlib.h>
#include <string.h>

/* What is read without a lock are atomic words. Those of the index are `interface index << 16 | slot`, so one load of one
 * word tells both. A slot's `facts` has its number and whatever else a packet needs; for the name, readers load `facts` once
 * more behind it: while a place is written it is 0, and afterwards its number is another one. */
enum {
    PLACE_BITS = 10, /* of a slot; the rest counts how often the place was given away */
    PLACES = 1 << PLACE_BITS,
    BUCKETS = 2 * PLACES,
    ROLE_SHIFT = 16,
    HARDWARE_SHIFT = 24,
    MTU_SHIFT = 40,
    MTU_MAX = (1 << 24) - 1,
    ATTEMPTS = 64, /* of a reader whom the writer disturbs each time */
};

_Static_assert(PLACES == INTERFACES_MAX + 1, "place 0 is no interface");

struct place {
    _Atomic uint64_t facts;
    _Atomic uint64_t name[IF_NAMESIZE / sizeof(uint64_t)];
    _Atomic uint16_t alive; /* its slot while it is published */
    uint32_t index;         /* the owner's: what it is published for; 0: retired, or never used */
    uint16_t next;          /* the owner's: the place that is given away after this one */
};

struct interface_slots {
    _Atomic uint64_t changes;  /* of buckets: odd while they are being moved */
    uint16_t oldest, youngest; /* the owner's: the queue of places that can be given away */
    struct place places[PLACES];
    _Atomic uint64_t buckets[BUCKETS]; /* linear probing; 0: empty */
};

static size_t place_of(uint16_t slot) {
    return slot & (PLACES - 1);
}

/* Indices of a host mostly follow one another. */
static size_t bucket_of(uint32_t index) {
    return (index * UINT32_C(2654435769) >> 21) & (BUCKETS - 1);
}

struct interface_slots *interface_slots_create(void) {
    struct interface_slots *slots = calloc(1, sizeof *slots);
    if (slots == NULL)
        return NULL;
    slots->oldest = 1;
    slots->youngest = PLACES - 1;
    for (size_t i = 1; i < PLACES; i++)
        slots->places[i].next = (uint16_t)(i + 1 < PLACES ? i + 1 : 0);
    return slots;
}

void interface_slots_destroy(struct interface_slots *slots) {
    free(slots);
}

/* The bucket that has the index, or the empty one where it would be. At most half of them are filled. */
static size_t probe(const struct interface_slots *slots, uint32_t index, uint64_t *found) {
    size_t bucket = bucket_of(index);
    while ((*found = atomic_load_explicit(&slots->buckets[bucket], memory_order_acquire)) != 0 &&
           *found >> 16 != index)
        bucket = (bucket + 1) % BUCKETS;
    return bucket;
}

uint16_t interface_slots_find(const struct interface_slots *slots, uint32_t index) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint64_t found, before = atomic_load_explicit(&slots->changes, memory_order_acquire);
        probe(slots, index, &found);
        if (found != 0)
            return (uint16_t)found;
        /* It may have been moved past us. */
        if (before % 2 == 0 && atomic_load_explicit(&slots->changes, memory_order_acquire) == before)
            break;
    }
    return 0;
}

/* Closes the gap that an emptied bucket would be for those behind it. Readers may find what moves in both places. */
static void empty_bucket(struct interface_slots *slots, size_t gap) {
    atomic_fetch_add(&slots->changes, 1);
    for (size_t i = (gap + 1) % BUCKETS;; i = (i + 1) % BUCKETS) {
        uint64_t entry = atomic_load_explicit(&slots->buckets[i], memory_order_relaxed);
        if (entry == 0)
            break;
        size_t home = bucket_of((uint32_t)(entry >> 16));
        if ((i - home) % BUCKETS < (i - gap) % BUCKETS)
            continue; /* it would stand before its home */
        atomic_store_explicit(&slots->buckets[gap], entry, memory_order_release);
        gap = i;
    }
    atomic_store_explicit(&slots->buckets[gap], 0, memory_order_release);
    atomic_fetch_add(&slots->changes, 1);
}

static uint64_t facts_of(uint16_t slot, const struct interface_link *link, enum interface_role role) {
    uint64_t mtu = link->mtu <= MTU_MAX ? link->mtu : MTU_MAX;
    return slot | (uint64_t)role << ROLE_SHIFT | (uint64_t)link->hardware << HARDWARE_SHIFT |
           mtu << MTU_SHIFT;
}

static void name_words(const char *name, uint64_t words[2]) {
    char text[IF_NAMESIZE] = "";
    memcpy(text, name, strnlen(name, sizeof text - 1));
    memcpy(words, text, sizeof text);
}

/* Whatever the MTU is: that is no other interface. */
static bool says(const struct place *place, uint64_t facts, const struct interface_link *link) {
    uint64_t name[2];
    name_words(link->name, name);
    return (atomic_load_explicit(&place->facts, memory_order_relaxed) ^ facts) >> MTU_SHIFT << MTU_SHIFT ==
               (atomic_load_explicit(&place->facts, memory_order_relaxed) ^ facts) &&
           atomic_load_explicit(&place->name[0], memory_order_relaxed) == name[0] &&
           atomic_load_explicit(&place->name[1], memory_order_relaxed) == name[1];
}

/* Writes the place that was retired first, or never used. 0: there is none. */
static uint16_t fill_place(struct interface_slots *slots, const struct interface_link *link,
                           enum interface_role role) {
    size_t number = slots->oldest;
    struct place *place = &slots->places[number];
    uint64_t name[2], facts = atomic_load_explicit(&place->facts, memory_order_relaxed);
    if (number == 0)
        return 0;
    slots->oldest = place->next;
    /* The bits above those of the place count on, and wrap. */
    uint16_t slot = facts != 0 ? (uint16_t)(facts + PLACES) : (uint16_t)number;
    name_words(link->name, name);
    atomic_store_explicit(&place->facts, 0, memory_order_relaxed);
    atomic_store_explicit(&place->name[0], name[0], memory_order_release);
    atomic_store_explicit(&place->name[1], name[1], memory_order_release);
    atomic_store_explicit(&place->facts, facts_of(slot, link, role), memory_order_release);
    atomic_store_explicit(&place->alive, slot, memory_order_relaxed);
    place->index = link->index;
    place->next = 0;
    return slot;
}

static void retire_place(struct interface_slots *slots, size_t number) {
    slots->places[number].index = 0;
    atomic_store_explicit(&slots->places[number].alive, 0, memory_order_relaxed);
    slots->places[number].next = 0;
    if (slots->oldest == 0)
        slots->oldest = (uint16_t)number;
    else
        slots->places[slots->youngest].next = (uint16_t)number;
    slots->youngest = (uint16_t)number;
}

uint16_t interface_slots_publish(struct interface_slots *slots, const struct interface_link *link,
                                 enum interface_role role) {
    uint64_t found;
    size_t bucket = probe(slots, link->index, &found);
    struct place *present = &slots->places[place_of((uint16_t)found)];
    uint64_t facts = facts_of((uint16_t)found, link, role);
    if (found != 0 && says(present, facts, link)) {
        atomic_store_explicit(&present->facts, facts, memory_order_release);
        return (uint16_t)found;
    }
    uint16_t slot = fill_place(slots, link, role);
    if (slot == 0 && found != 0) { /* its own place must do */
        interface_slots_retire(slots, link->index);
        return interface_slots_publish(slots, link, role);
    }
    if (slot == 0)
        return 0;
    atomic_store_explicit(&slots->buckets[bucket], (uint64_t)link->index << 16 | slot, memory_order_release);
    if (found != 0)
        retire_place(slots, place_of((uint16_t)found));
    return slot;
}

void interface_slots_retire(struct interface_slots *slots, uint32_t index) {
    uint64_t found;
    size_t bucket = probe(slots, index, &found);
    if (found == 0)
        return;
    empty_bucket(slots, bucket);
    retire_place(slots, place_of((uint16_t)found));
}

bool interface_slots_alive(const struct interface_slots *slots, uint16_t slot) {
    return slot != 0 &&
           atomic_load_explicit(&slots->places[place_of(slot)].alive, memory_order_relaxed) == slot;
}

static uint64_t load_facts(const struct place *place) {
    return atomic_load_explicit(&place->facts, memory_order_acquire);
}

bool interface_slots_facts(const struct interface_slots *slots, uint16_t slot,
                           struct interface_facts *facts) {
    uint64_t word = load_facts(&slots->places[place_of(slot)]);
    *facts = (struct interface_facts){.role = (enum interface_role)(word >> ROLE_SHIFT & 0xff),
                                      .hardware = (uint16_t)(word >> HARDWARE_SHIFT),
                                      .mtu = (uint32_t)(word >> MTU_SHIFT)};
    return slot != 0 && (uint16_t)word == slot;
}

bool interface_slots_name(const struct interface_slots *slots, uint16_t slot, char name[IF_NAMESIZE]) {
    const struct place *place = &slots->places[place_of(slot)];
    uint64_t before = load_facts(place);
    uint64_t words[2] = {atomic_load_explicit(&place->name[0], memory_order_acquire),
                         atomic_load_explicit(&place->name[1], memory_order_acquire)};
    bool valid = slot != 0 && (uint16_t)before == slot && (uint16_t)load_facts(place) == slot;
    memcpy(name, words, sizeof words);
    if (!valid)
        name[0] = '\0';
    return valid;
}
