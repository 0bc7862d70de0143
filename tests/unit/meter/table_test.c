/* The table of flows against an array that says which flows are in it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aborts.h"
#include "meter/expiry.h"
#include "meter/key.h"
#include "meter/table.h"

enum { FLOWS = 20000, OPERATIONS = 1000000, FEW = 100 };

static uint32_t random_state = 12345;

static uint32_t random_below(uint32_t limit) {
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)random_state * limit >> 32);
}

/* Flows with distinct keys; `hash_bits` of the hash are used, so that few bits make many collisions. */
static struct flow *make_flows(size_t count, unsigned hash_bits) {
    struct flow *flows = calloc(count, sizeof(*flows));
    assert_non_null(flows);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(flows[i].key.address_a, &i, sizeof(i));
        flows[i].hash = (i * 2654435761u) >> (32 - hash_bits);
    }
    return flows;
}

static void check_all(const struct table *table, struct flow *flows, const bool *present, size_t count) {
    size_t expected = 0;
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(table_find(table, flows[i].hash, &flows[i].key), present[i] ? &flows[i] : NULL);
        expected += present[i];
    }
    assert_int_equal(table->count, expected);
}

/* Inserts and removes at random, with more and then fewer flows, over several growths. */
static void stress(size_t count, unsigned hash_bits, size_t operations) {
    struct flow *flows = make_flows(count, hash_bits);
    bool *present = calloc(count, sizeof(*present));
    struct table table;
    assert_int_equal(table_create(&table, 0, sizeof(struct flow)), 0);
    for (size_t i = 0; i < operations; i++) {
        uint32_t which = random_below((uint32_t)count);
        struct flow *flow = &flows[which];
        assert_ptr_equal(table_find(&table, flow->hash, &flow->key), present[which] ? flow : NULL);
        bool want = random_below(100) < (i < operations / 2 ? 70 : 30);
        if (want && !present[which]) {
            assert_true(table_reserve(&table));
            table_insert(&table, flow);
        } else if (!want && present[which]) {
            table_remove(&table, flow);
        }
        present[which] = want;
    }
    check_all(&table, flows, present, count);
    for (size_t i = 0; i < count; i++)
        if (present[i])
            table_remove(&table, &flows[i]);
    for (size_t i = 0; i < table.capacity; i++)
        assert_int_equal(table.slots[i].word, 0);
    table_destroy(&table);
    free(present);
    free(flows);
}

static void test_random_operations(void **state) {
    (void)state;
    stress(FLOWS, 32, OPERATIONS);
}

static void test_few_hashes_collide(void **state) {
    (void)state;
    stress(FEW, 2, OPERATIONS / 10);
}

/* More flows of one hash than a slot can tell how far it is from its home. */
static void test_many_flows_of_few_hashes(void **state) {
    (void)state;
    stress(6 * FEW, 1, OPERATIONS / 50);
}

/* Hashes at the table's very end: probes and shifts go around. */
static void test_wraps_around(void **state) {
    (void)state;
    struct flow *flows = make_flows(FEW, 32);
    struct table table;
    assert_int_equal(table_create(&table, 0, sizeof(struct flow)), 0);
    bool present[FEW];
    for (uint32_t i = 0; i < FEW; i++) {
        flows[i].hash = (uint32_t)table.capacity - 1 - i % 3;
        table_insert(&table, &flows[i]);
        present[i] = true;
    }
    for (size_t i = 0; i < FEW; i += 2) {
        table_remove(&table, &flows[i]);
        present[i] = false;
        check_all(&table, flows, present, FEW);
    }
    table_destroy(&table);
    free(flows);
}

static void test_does_not_grow_within_its_promise(void **state) {
    (void)state;
    struct flow *flows = make_flows(FLOWS, 32);
    struct table table;
    assert_int_equal(table_create(&table, FLOWS, sizeof(struct flow)), 0);
    size_t capacity = table.capacity;
    for (size_t i = 0; i < FLOWS; i++) {
        assert_true(table_reserve(&table));
        table_insert(&table, &flows[i]);
    }
    assert_int_equal(table.capacity, capacity);
    assert_int_equal(table_memory(&table), capacity * sizeof(struct table_slot));
    table_destroy(&table);
    free(flows);
}

/* A table of several huge pages, in memory that others have used. The block behind it keeps the heap from giving it back. */
static void test_large_table_is_empty(void **state) {
    (void)state;
    enum { LARGE = 300000, USED = 24 << 20 };
    struct flow *flow = make_flows(1, 16);
    struct table table;
    free(malloc(USED)); /* glibc takes as much from the heap from now on, not from the kernel */
    char *used = malloc(USED), *behind = malloc(1);
    assert_non_null(used);
    memset(used, 0xff, USED);
    free(used);
    assert_int_equal(table_create(&table, LARGE, sizeof(struct flow)), 0);
    for (size_t i = 0; i < table.capacity; i++)
        assert_true(table.slots[i].word == 0);
    table_insert(&table, flow);
    assert_ptr_equal(table_find(&table, flow->hash, &flow->key), flow);
    table_destroy(&table);
    free(behind);
    free(flow);
}

static void test_replace(void **state) {
    (void)state;
    struct flow *flows = make_flows(FEW, 3);
    struct table table;
    assert_int_equal(table_create(&table, 0, sizeof(struct flow)), 0);
    for (size_t i = 0; i < FEW; i++)
        table_insert(&table, &flows[i]);
    struct flow next = flows[7];
    table_replace(&table, &flows[7], &next);
    assert_ptr_equal(table_find(&table, next.hash, &next.key), &next);
    assert_int_equal(table.count, FEW);
    table_destroy(&table);
    free(flows);
}

static struct packet packet_of(uint8_t source, uint8_t destination, uint16_t source_port,
                               uint16_t destination_port) {
    return (struct packet){.source = {10, 0, 0, source},
                           .destination = {10, 0, 0, destination},
                           .source_port = source_port,
                           .destination_port = destination_port,
                           .ip_version = 4,
                           .protocol = 6};
}

static void test_key_is_symmetric(void **state) {
    (void)state;
    struct packet there = packet_of(1, 2, 40000, 80), back = packet_of(2, 1, 80, 40000);
    struct flow_key one, other;
    assert_false(key_from_packet(&one, &there, true));
    assert_true(key_from_packet(&other, &back, true));
    assert_memory_equal(&one, &other, sizeof(one));
    assert_true(key_equal(&one, &other));
    assert_int_equal(one.address_a[3], 1);
    assert_int_equal(one.port_a, 40000);
    assert_int_equal(one.port_b, 80);
}

static void test_key_of_equal_addresses_goes_by_port(void **state) {
    (void)state;
    struct packet there = packet_of(1, 1, 40000, 80), back = packet_of(1, 1, 80, 40000);
    struct flow_key one, other;
    assert_true(key_from_packet(&one, &there, true));
    assert_false(key_from_packet(&other, &back, true));
    assert_memory_equal(&one, &other, sizeof(one));
    assert_int_equal(one.port_a, 80);
}

/* Every byte that a key has makes another key, and (but for a chance of 2^-32) another hash. */
static void test_every_byte_of_a_key_counts(void **state) {
    (void)state;
    struct hash_key seed = {{1, 2}};
    struct packet packet = packet_of(1, 2, 40000, 80);
    struct flow_key key, changed;
    key_from_packet(&key, &packet, true);
    for (size_t i = 0; i < sizeof(struct flow_key); i++) {
        changed = key;
        ((unsigned char *)&changed)[i] ^= 1;
        assert_false(key_equal(&key, &changed));
        assert_int_not_equal(key_hash(&seed, &key), key_hash(&seed, &changed));
    }
}

static void test_hash_depends_on_the_seed(void **state) {
    (void)state;
    struct hash_key seed = {{1, 2}}, other_seed = {{1, 3}};
    struct packet packet = packet_of(1, 2, 40000, 80);
    struct flow_key key;
    key_from_packet(&key, &packet, true);
    assert_int_not_equal(key_hash(&seed, &key), key_hash(&other_seed, &key));
}

static void insert_twice(void *context) {
    struct flow *flows = context;
    struct table table;
    table_create(&table, 0, sizeof(struct flow));
    table_insert(&table, &flows[0]);
    table_insert(&table, &flows[0]);
}

static void remove_twice(void *context) {
    struct flow *flows = context;
    struct table table;
    table_create(&table, 0, sizeof(struct flow));
    table_insert(&table, &flows[0]);
    table_insert(&table, &flows[1]);
    table_remove(&table, &flows[0]);
    table_remove(&table, &flows[0]);
}

static void replace_by_another_key(void *context) {
    struct flow *flows = context;
    struct table table;
    table_create(&table, 0, sizeof(struct flow));
    table_insert(&table, &flows[0]);
    table_replace(&table, &flows[0], &flows[1]);
}

static void leave_a_list_twice(void *context) {
    struct flow *flows = context;
    struct expiry expiry = {0};
    expiry_append(&expiry, &flows[0]);
    expiry_append(&expiry, &flows[1]);
    expiry_remove(&expiry, &flows[0]);
    expiry_remove(&expiry, &flows[0]);
}

static void test_misuse_stops_the_program(void **state) {
    (void)state;
    struct flow *flows = make_flows(2, 16);
    assert_debug_aborts(insert_twice, flows);
    assert_debug_aborts(remove_twice, flows);
    assert_debug_aborts(replace_by_another_key, flows);
    assert_debug_aborts(leave_a_list_twice, flows);
    free(flows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_few_hashes_collide),
        cmocka_unit_test(test_many_flows_of_few_hashes),
        cmocka_unit_test(test_wraps_around),
        cmocka_unit_test(test_does_not_grow_within_its_promise),
        cmocka_unit_test(test_large_table_is_empty),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_key_is_symmetric),
        cmocka_unit_test(test_key_of_equal_addresses_goes_by_port),
        cmocka_unit_test(test_every_byte_of_a_key_counts),
        cmocka_unit_test(test_hash_depends_on_the_seed),
        cmocka_unit_test(test_misuse_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
