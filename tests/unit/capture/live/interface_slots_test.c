#include "capture/live/interface_slots.h"

#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/thread.h"

static struct interface_slots *make(void) {
    struct interface_slots *slots = interface_slots_create();
    assert_non_null(slots);
    return slots;
}

/* Everything that is published under an index follows from it, so that a reader sees what is mixed up. */
static struct interface_link link_of(uint32_t index) {
    struct interface_link link = {.index = index, .hardware = (uint16_t)(index * 7), .mtu = index % 9001};
    snprintf(link.name, sizeof link.name, "%015u", index); /* fills both words */
    return link;
}

static enum interface_role role_of(uint32_t index) {
    return (enum interface_role)(index % INTERFACE_ROLE_COUNT);
}

static uint16_t publish(struct interface_slots *slots, uint32_t index) {
    struct interface_link link = link_of(index);
    return interface_slots_publish(slots, &link, role_of(index));
}

static void assert_says(const struct interface_slots *slots, uint16_t slot, uint32_t index) {
    struct interface_facts facts;
    struct interface_link link = link_of(index);
    char name[IF_NAMESIZE];
    assert_true(interface_slots_facts(slots, slot, &facts));
    assert_int_equal(facts.role, role_of(index));
    assert_int_equal(facts.mtu, link.mtu);
    assert_int_equal(facts.hardware, link.hardware);
    assert_true(interface_slots_name(slots, slot, name));
    assert_string_equal(name, link.name);
}

static void assert_unknown(const struct interface_slots *slots, uint16_t slot) {
    struct interface_facts facts;
    char name[IF_NAMESIZE] = "left";
    assert_false(interface_slots_facts(slots, slot, &facts));
    assert_false(interface_slots_name(slots, slot, name));
    assert_string_equal(name, "");
}

static void published_interfaces_are_found(void **state) {
    (void)state;
    struct interface_slots *slots = make();
    assert_int_equal(interface_slots_find(slots, 2), 0);
    assert_unknown(slots, 0);
    assert_unknown(slots, 1);
    uint16_t first = publish(slots, 2), second = publish(slots, UINT32_MAX);
    assert_true(first != 0 && second != 0 && first != second);
    assert_int_equal(interface_slots_find(slots, 2), first);
    assert_int_equal(interface_slots_find(slots, UINT32_MAX), second);
    assert_int_equal(interface_slots_find(slots, 3), 0);
    assert_int_equal(publish(slots, 2), first);
    assert_says(slots, first, 2);
    assert_says(slots, second, UINT32_MAX);
    interface_slots_destroy(slots);
}

static void what_changes_gets_another_slot(void **state) {
    (void)state;
    enum { CHANGES = 4 };
    struct interface_slots *slots = make();
    struct interface_link link = {.index = 5, .name = "eth0", .mtu = 1500, .hardware = ARPHRD_ETHER};
    uint16_t known[CHANGES] = {interface_slots_publish(slots, &link, INTERFACE_host)};
    known[1] = interface_slots_publish(slots, &link, INTERFACE_uplink);
    strcpy(link.name, "0123456789abcde");
    known[2] = interface_slots_publish(slots, &link, INTERFACE_uplink);
    link.hardware = ARPHRD_NONE;
    known[3] = interface_slots_publish(slots, &link, INTERFACE_uplink);
    for (int i = 0; i < CHANGES; i++) {
        struct interface_facts facts;
        char name[IF_NAMESIZE];
        for (int j = 0; j < i; j++)
            assert_int_not_equal(known[i], known[j]);
        assert_true(interface_slots_facts(slots, known[i], &facts));
        assert_int_equal(facts.role, i == 0 ? INTERFACE_host : INTERFACE_uplink);
        assert_int_equal(facts.hardware, i < 3 ? ARPHRD_ETHER : ARPHRD_NONE);
        assert_true(interface_slots_name(slots, known[i], name));
        assert_string_equal(name, i < 2 ? "eth0" : "0123456789abcde");
    }
    assert_int_equal(interface_slots_find(slots, 5), known[3]);
    interface_slots_destroy(slots);
}

/* Flows go on: the slot is in their keys. */
static void another_mtu_is_no_other_interface(void **state) {
    (void)state;
    struct interface_slots *slots = make();
    struct interface_link link = {.index = 5, .name = "eth0", .mtu = 1500, .hardware = ARPHRD_ETHER};
    struct interface_facts facts;
    uint16_t slot = interface_slots_publish(slots, &link, INTERFACE_uplink);
    link.mtu = UINT32_MAX;
    assert_int_equal(interface_slots_publish(slots, &link, INTERFACE_uplink), slot);
    assert_true(interface_slots_facts(slots, slot, &facts));
    assert_int_equal(facts.mtu, (1 << 24) - 1);
    assert_int_equal(facts.role, INTERFACE_uplink);
    interface_slots_destroy(slots);
}

/* What a flow names can be read until all other places were used. */
static void retired_slots_can_be_read(void **state) {
    (void)state;
    struct interface_slots *slots = make();
    uint16_t first = publish(slots, 1);
    interface_slots_retire(slots, 1);
    interface_slots_retire(slots, 1);
    interface_slots_retire(slots, 99);
    assert_int_equal(interface_slots_find(slots, 1), 0);
    for (uint32_t index = 2; index <= INTERFACES_MAX; index++) {
        assert_says(slots, first, 1);
        assert_true(publish(slots, index) != 0);
        interface_slots_retire(slots, index);
    }
    assert_says(slots, first, 1);
    uint16_t next = publish(slots, INTERFACES_MAX + 1);
    assert_unknown(slots, first);
    assert_says(slots, next, INTERFACES_MAX + 1);
    interface_slots_destroy(slots);
}

static void there_are_so_many(void **state) {
    (void)state;
    struct interface_slots *slots = make();
    struct interface_link changed = link_of(7000);
    for (uint32_t i = 1; i <= INTERFACES_MAX; i++)
        assert_true(publish(slots, i * 1000) != 0);
    assert_int_equal(publish(slots, 5), 0);
    assert_int_equal(interface_slots_find(slots, 5), 0);
    for (uint32_t i = 1; i <= INTERFACES_MAX; i++)
        assert_says(slots, interface_slots_find(slots, i * 1000), i * 1000);
    /* One that changes has its own place. */
    changed.mtu = 5;
    uint16_t slot = interface_slots_publish(slots, &changed, INTERFACE_pod);
    assert_true(slot != 0);
    assert_int_equal(interface_slots_find(slots, 7000), slot);
    interface_slots_retire(slots, 3000);
    assert_true(publish(slots, 5) != 0);
    interface_slots_destroy(slots);
}

/* Whatever comes and goes, what is there is found, and what isn't there is not. */
static void any_order_is_fine(void **state) {
    (void)state;
    enum { INDICES = 3000, TURNS = 200000, LIVE_MAX = 900 };
    static uint16_t expected[INDICES];
    struct interface_slots *slots = make();
    uint32_t random = 1, live = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        random = random * 1664525u + 1013904223u;
        uint32_t index = (random >> 8) % INDICES;
        assert_int_equal(interface_slots_find(slots, index + 1), expected[index]);
        if (expected[index] != 0) {
            interface_slots_retire(slots, index + 1);
            expected[index] = 0;
            live--;
        } else if (live < LIVE_MAX) {
            expected[index] = publish(slots, index + 1);
            assert_true(expected[index] != 0);
            live++;
        }
    }
    for (uint32_t index = 0; index < INDICES; index++) {
        assert_int_equal(interface_slots_find(slots, index + 1), expected[index]);
        if (expected[index] != 0)
            assert_says(slots, expected[index], index + 1);
    }
    interface_slots_destroy(slots);
}

enum { READERS = 2, PUBLISHED = 60 * INTERFACES_MAX /* no slot comes twice */ };

/* One writer's work and what READERS threads see of it. */
struct scene {
    struct interface_slots *slots;
    atomic_uint ready, round, wrong;
    atomic_bool stop;
    uint16_t slot[PUBLISHED + 1]; /* of each index; once its round is there it doesn't change */
};

static void play(void (*write)(struct scene *scene), void *(*read)(void *scene)) {
    static struct scene scene;
    pthread_t threads[READERS];
    memset(&scene, 0, sizeof scene);
    scene.slots = make();
    for (int i = 0; i < READERS; i++)
        assert_int_equal(thread_start(&threads[i], "reader", read, &scene), 0);
    while (atomic_load(&scene.ready) < READERS)
        ;
    write(&scene);
    atomic_store(&scene.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&scene.wrong), 0);
    interface_slots_destroy(scene.slots);
}

/* Indices that fall into one bucket: these are multiples of the inverse of the hash's factor. With another hash the test
 * would see less. */
static uint32_t colliding_index(uint32_t n) {
    return (n + 1) * UINT32_C(340573321);
}

enum { PASSING = 6, ROUNDS = 50000 };

/* In odd rounds the last index is published, and moves to the bucket of each one before it that is retired. */
static void move_buckets(struct scene *scene) {
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint32_t n = 0; n <= PASSING; n++)
            publish(scene->slots, colliding_index(n));
        atomic_fetch_add(&scene->round, 1);
        for (uint32_t n = 0; n < PASSING; n++)
            interface_slots_retire(scene->slots, colliding_index(n));
        atomic_fetch_add(&scene->round, 1);
        interface_slots_retire(scene->slots, colliding_index(PASSING));
    }
}

static void *find_what_moves(void *context) {
    struct scene *scene = context;
    atomic_fetch_add(&scene->ready, 1);
    while (!atomic_load(&scene->stop)) {
        uint32_t round = atomic_load(&scene->round);
        uint16_t slot = interface_slots_find(scene->slots, colliding_index(PASSING));
        if (round % 2 == 1 && atomic_load(&scene->round) == round && slot == 0)
            atomic_fetch_add(&scene->wrong, 1);
    }
    return NULL;
}

static void what_is_there_is_always_found(void **state) {
    (void)state;
    play(move_buckets, find_what_moves);
}

/* Places are given away one after the other: the one in round N is the one in round N + INTERFACES_MAX. */
static void reuse_places(struct scene *scene) {
    for (uint32_t i = 1; i <= PUBLISHED; i++) {
        scene->slot[i] = publish(scene->slots, i);
        atomic_store(&scene->round, i);
        interface_slots_retire(scene->slots, i);
    }
}

/* Reads the place that is written next until its number has changed. */
static void *read_what_is_reused(void *context) {
    struct scene *scene = context;
    atomic_fetch_add(&scene->ready, 1);
    while (!atomic_load(&scene->stop)) {
        uint32_t round = atomic_load(&scene->round);
        if (round < INTERFACES_MAX)
            continue;
        struct interface_link expected = link_of(round - INTERFACES_MAX + 1);
        char name[IF_NAMESIZE];
        bool wrong = false;
        while (!wrong && !atomic_load(&scene->stop) &&
               interface_slots_name(scene->slots, scene->slot[expected.index], name))
            wrong = memcmp(name, expected.name, sizeof name) != 0;
        atomic_fetch_add(&scene->wrong, wrong);
    }
    return NULL;
}

static void a_name_is_never_of_another(void **state) {
    (void)state;
    play(reuse_places, read_what_is_reused);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_interfaces_are_found),
        cmocka_unit_test(what_changes_gets_another_slot),
        cmocka_unit_test(another_mtu_is_no_other_interface),
        cmocka_unit_test(retired_slots_can_be_read),
        cmocka_unit_test(there_are_so_many),
        cmocka_unit_test(any_order_is_fine),
        cmocka_unit_test(what_is_there_is_always_found),
        cmocka_unit_test(a_name_is_never_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
