#include "base/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aborts.h"
#include "wait.h"

/* Of the smaller ring a step, which is given back at once, is less than a record; of the larger one it is eight. */
enum { CAPACITY = 4096, LARGE = 1 << 18 };

static void put(struct ring *ring, size_t size, unsigned char byte) {
    void *record = ring_reserve(ring, size);
    assert_non_null(record);
    assert_int_equal((uintptr_t)record % 8, 0);
    memset(record, byte, size);
    ring_commit(ring);
}

static void take(struct ring *ring, size_t size, unsigned char byte) {
    size_t found;
    const unsigned char *record = ring_peek(ring, &found);
    assert_non_null(record);
    assert_int_equal(found, size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(record[i], byte);
    ring_release(ring);
}

static void records_come_out_as_they_went_in(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(CAPACITY, &gate);
    size_t size;
    assert_null(ring_peek(ring, &size));
    put(ring, 0, 0);
    put(ring, 1, 1);
    put(ring, 1000, 2);
    assert_false(ring_is_finished(ring));
    take(ring, 0, 0);
    take(ring, 1, 1);
    ring_close(ring);
    assert_false(ring_is_finished(ring));
    take(ring, 1000, 2);
    assert_true(ring_is_finished(ring));
    ring_destroy(ring);
}

static void a_record_that_is_not_committed_is_not_seen(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(CAPACITY, &gate);
    size_t size;
    assert_non_null(ring_reserve(ring, 100));
    assert_null(ring_peek(ring, &size));
    put(ring, 7, 7); /* takes the place of what was only reserved */
    take(ring, 7, 7);
    ring_destroy(ring);
}

static void add(struct ring *ring, size_t size, unsigned char byte) {
    void *record = ring_reserve(ring, size);
    assert_non_null(record);
    memset(record, byte, size);
    ring_add(ring);
}

static void what_is_added_is_handed_over_with_others(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(LARGE, &gate);
    size_t size;
    add(ring, 100, 1);
    add(ring, 100, 2);
    assert_null(ring_peek(ring, &size));
    assert_false(ring_is_finished(ring));
    ring_publish(ring);
    take(ring, 100, 1);
    take(ring, 100, 2);
    assert_null(ring_peek(ring, &size));
    add(ring, 100, 3);
    put(ring, 100, 4);
    take(ring, 100, 3);
    take(ring, 100, 4);
    add(ring, 100, 5);
    ring_close(ring);
    assert_false(ring_is_finished(ring));
    take(ring, 100, 5);
    assert_true(ring_is_finished(ring));
    ring_destroy(ring);
}

/* A 256th of the ring is not held back, so the consumer has something to do meanwhile. */
static void a_step_of_the_ring_is_handed_over(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(LARGE, &gate);
    size_t size;
    for (int i = 0; i < LARGE / 256 / 128 - 1; i++)
        add(ring, 120, 1);
    assert_null(ring_peek(ring, &size));
    add(ring, 120, 1);
    for (int i = 0; i < LARGE / 256 / 128; i++)
        take(ring, 120, 1);
    ring_destroy(ring);
}

static void *wait_for_room(void *context) {
    struct ring *ring = context;
    ring_wait(ring, ring_record_max(ring));
    ring_commit(ring);
    return NULL;
}

/* A producer that waits has handed over what it added: else both would wait for ever, where the next record needs almost the
 * whole ring, since it must lie in one piece. */
static void who_waits_for_room_holds_nothing_back(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(LARGE, &gate);
    pthread_t producer;
    size_t size;
    put(ring, ring_record_max(ring) - 8, 1);
    add(ring, 24, 2);
    assert_int_equal(pthread_create(&producer, NULL, wait_for_room, ring), 0);
    take(ring, ring_record_max(ring) - 8, 1);
    wait_until(ring_peek(ring, &size) != NULL, 10, "what was added before the other thread waited");
    take(ring, 24, 2);
    wait_until(ring_peek(ring, &size) != NULL, 10, "the record that needed the room");
    assert_int_equal(size, ring_record_max(ring));
    pthread_join(producer, NULL);
    ring_destroy(ring);
}

/* The consumer tells of a few freed bytes late, but of all of them once it finds nothing more. */
static void what_is_released_is_given_back_in_steps(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(LARGE, &gate);
    size_t size, filled = 0;
    for (; ring_reserve(ring, 120) != NULL; filled++)
        put(ring, 120, 1);
    take(ring, 120, 1);
    assert_null(ring_reserve(ring, 120));
    for (int i = 1; i < LARGE / 256 / 128; i++)
        take(ring, 120, 1);
    assert_non_null(ring_reserve(ring, 120));
    while (ring_peek(ring, &size) != NULL)
        take(ring, 120, 1);
    assert_int_equal(ring_percent_filled(ring), 0);
    assert_int_equal(filled, LARGE / 128);
    ring_destroy(ring);
}

static void the_gate_opens_when_a_quarter_is_filled_and_at_the_end(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(CAPACITY, &gate);
    uint32_t turn;
    gate_enter(&gate, &turn);
    put(ring, 1000, 1);
    assert_int_equal(gate.turn, turn);
    put(ring, 8, 2);
    assert_int_equal(gate.turn, turn + 1);
    take(ring, 1000, 1);
    take(ring, 8, 2);
    put(ring, 1000, 3);
    assert_int_equal(gate.turn, turn + 1);
    ring_close(ring);
    assert_int_equal(gate.turn, turn + 2);
    gate_leave(&gate);
    ring_destroy(ring);
}

static void a_full_ring_takes_nothing(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(CAPACITY, &gate);
    int count = 0;
    while (ring_reserve(ring, 120) != NULL) {
        put(ring, 120, (unsigned char)count);
        count++;
    }
    assert_int_equal(count, CAPACITY / 128);
    take(ring, 120, 0);
    put(ring, 120, (unsigned char)count);
    assert_null(ring_reserve(ring, 1));
    for (int i = 1; i <= count; i++)
        take(ring, 120, (unsigned char)i);
    ring_destroy(ring);
}

/* Whatever lies where: a record of the largest size always fits into an empty ring, in one piece. */
static void the_largest_record_fits_at_every_place(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(CAPACITY, &gate);
    size_t largest = ring_record_max(ring);
    for (size_t shift = 0; shift < CAPACITY; shift += 8) {
        put(ring, 8, 1);
        take(ring, 8, 1);
        put(ring, largest, 3);
        take(ring, largest, 3);
    }
    ring_destroy(ring);
}

enum { RECORDS = 200000 };

static size_t size_of(uint32_t number) {
    return 4 + (number * 2654435761u >> 16) % 700;
}

static void *produce(void *context) {
    struct ring *ring = context;
    for (uint32_t number = 0; number < RECORDS; number++) {
        unsigned char *record = ring_wait(ring, size_of(number));
        memcpy(record, &number, sizeof number);
        memset(record + sizeof number, (int)(number & 0xff), size_of(number) - sizeof number);
        if (number % 5 == 0)
            ring_commit(ring);
        else
            ring_add(ring);
    }
    ring_close(ring);
    return NULL;
}

static bool is_record(const unsigned char *record, size_t size, uint32_t number) {
    uint32_t found;
    memcpy(&found, record, sizeof found);
    bool right = found == number && size == size_of(number);
    for (size_t i = sizeof found; right && i < size; i++)
        right = record[i] == (number & 0xff);
    return right;
}

static void two_threads_lose_nothing_of(size_t capacity) {
    struct gate gate = {0};
    struct ring *ring = ring_create(capacity, &gate);
    pthread_t producer;
    uint32_t number = 0, wrong = 0;
    assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
    while (!ring_is_finished(ring)) {
        size_t size;
        const unsigned char *record = ring_peek(ring, &size);
        if (record != NULL) {
            wrong += !is_record(record, size, number++);
            ring_release(ring);
            continue;
        }
        uint32_t turn;
        gate_enter(&gate, &turn);
        if (ring_peek(ring, &size) == NULL && !ring_is_finished(ring))
            gate_sleep(&gate, turn, 1000);
        gate_leave(&gate);
    }
    pthread_join(producer, NULL);
    assert_int_equal(number, RECORDS);
    assert_int_equal(wrong, 0);
    ring_destroy(ring);
}

/* Both sleep often: the smaller ring holds about ten records, and steps of the larger one hold three. */
static void two_threads_lose_nothing(void **state) {
    (void)state;
    two_threads_lose_nothing_of(CAPACITY);
    two_threads_lose_nothing_of(LARGE);
}

static void it_tells_how_much_is_filled(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(CAPACITY, &gate);
    assert_int_equal(ring_percent_filled(ring), 0);
    put(ring, CAPACITY / 4 - 8, 1);
    assert_int_equal(ring_percent_filled(ring), 25);
    put(ring, CAPACITY / 4 - 8, 2);
    put(ring, CAPACITY / 4 - 8, 2);
    assert_int_equal(ring_percent_filled(ring), 75);
    put(ring, CAPACITY / 4 - 8, 3);
    assert_int_equal(ring_percent_filled(ring), 100);
    take(ring, CAPACITY / 4 - 8, 1);
    assert_int_equal(ring_percent_filled(ring), 75);
    take(ring, CAPACITY / 4 - 8, 2);
    take(ring, CAPACITY / 4 - 8, 2);
    take(ring, CAPACITY / 4 - 8, 3);
    assert_int_equal(ring_percent_filled(ring), 0);
    ring_destroy(ring);
}

static void reserve_too_much(void *context) {
    ring_reserve(context, ring_record_max(context) + 1);
}

static void commit_nothing(void *context) {
    ring_commit(context);
}

static void release_nothing(void *context) {
    ring_release(context);
}

static void destroy(void *context) {
    ring_destroy(context);
}

static void what_a_side_must_never_do_stops_the_program(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(CAPACITY, &gate);
    assert_debug_aborts(reserve_too_much, ring);
    assert_debug_aborts(commit_nothing, ring);
    put(ring, 8, 1);
    assert_debug_aborts(release_nothing, ring);
    take(ring, 8, 1);
    assert_false(aborts(destroy, ring));
    static _Alignas(64) unsigned char zeros[512];
    assert_true(aborts(destroy, zeros));
    ring_destroy(ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_as_they_went_in),
        cmocka_unit_test(a_record_that_is_not_committed_is_not_seen),
        cmocka_unit_test(what_is_added_is_handed_over_with_others),
        cmocka_unit_test(a_step_of_the_ring_is_handed_over),
        cmocka_unit_test(who_waits_for_room_holds_nothing_back),
        cmocka_unit_test(what_is_released_is_given_back_in_steps),
        cmocka_unit_test(the_gate_opens_when_a_quarter_is_filled_and_at_the_end),
        cmocka_unit_test(a_full_ring_takes_nothing),
        cmocka_unit_test(the_largest_record_fits_at_every_place),
        cmocka_unit_test(two_threads_lose_nothing),
        cmocka_unit_test(it_tells_how_much_is_filled),
        cmocka_unit_test(what_a_side_must_never_do_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
