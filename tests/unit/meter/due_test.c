/* What is due: nothing before its time, all of it at most a slot later, however far the queue is behind. */
#include "meter/due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SPAN = 500000, STEP = SPAN / DUE_SPAN_SLOTS + 1, NODES = 4096 };

struct case_ {
    struct due_queue queue;
    struct due_node nodes[NODES];
    bool told[NODES];
    size_t left;
};

static uint32_t next_random(uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

/* Takes out all that is due by `now`; each must be so, and none may be left that was due a slot before. */
static void take_due(struct case_ *it, int64_t now) {
    struct due_node *node;
    while ((node = due_first(&it->queue, now)) != NULL) {
        assert_true(node->time <= now);
        assert_ptr_equal(due_first(&it->queue, now), node); /* it stays until it is taken out */
        due_remove(&it->queue, node);
        assert_false(due_is_queued(node));
        it->told[node - it->nodes] = true;
        it->left--;
    }
    for (size_t i = 0; i < NODES; i++)
        if (due_is_queued(&it->nodes[i]))
            assert_true(it->nodes[i].time > now - STEP);
}

static void each_is_told_of_once_it_is_due(void **state) {
    (void)state;
    static struct case_ it;
    it = (struct case_){.left = 0};
    uint32_t random = 1;
    int64_t now = INT64_C(1700000000000000);
    due_begin(&it.queue, SPAN);
    assert_null(due_first(&it.queue, now));
    for (size_t i = 0; i < NODES; i++) {
        now += next_random(&random) % 1000;
        due_add(&it.queue, &it.nodes[i], now + 1 + next_random(&random) % SPAN, now);
        it.left++;
        if (i % 7 == 0)
            take_due(&it, now);
    }
    take_due(&it, now + SPAN + STEP);
    assert_int_equal(it.left, 0);
    assert_int_equal(it.queue.count, 0);
    for (size_t i = 0; i < NODES; i++)
        assert_true(it.told[i]);
}

/* Nobody asked for many times the queue's span, and new nodes came all the while: none is told of early or forgotten. */
static void a_queue_that_is_far_behind_loses_nothing(void **state) {
    (void)state;
    static struct case_ it;
    it = (struct case_){.left = 0};
    int64_t now = 0;
    due_begin(&it.queue, SPAN);
    for (size_t i = 0; i < NODES; i++, now += 10000) {
        due_add(&it.queue, &it.nodes[i], now + SPAN, now);
        it.left++;
    }
    take_due(&it, now);
    assert_int_equal(it.left, SPAN / 10000 - 1); /* those of the last span, but for the one of just now */
    take_due(&it, now + SPAN + STEP);
    assert_int_equal(it.left, 0);
}

static void what_is_taken_out_is_not_told_of(void **state) {
    (void)state;
    static struct case_ it;
    it = (struct case_){.left = 0};
    due_begin(&it.queue, 1);
    for (size_t i = 0; i < 9; i++)
        due_add(&it.queue, &it.nodes[i], 5, 4); /* all in one slot */
    due_remove(&it.queue, &it.nodes[8]);        /* the first, one within, the last */
    due_remove(&it.queue, &it.nodes[4]);
    due_remove(&it.queue, &it.nodes[0]);
    due_remove(&it.queue, &it.nodes[0]);
    it.left = 6;
    take_due(&it, 6);
    assert_int_equal(it.left, 0);
    assert_false(it.told[0] || it.told[4] || it.told[8]);
}

/* Time may go on by years: a queue that has one node finds it at once. */
static void a_leap_is_no_walk(void **state) {
    (void)state;
    static struct case_ it;
    it = (struct case_){.left = 1};
    due_begin(&it.queue, 1);
    due_add(&it.queue, &it.nodes[0], 1, 0);
    take_due(&it, INT64_MAX / 2);
    assert_int_equal(it.left, 0);
    it.left = 1;
    due_add(&it.queue, &it.nodes[0], INT64_MAX / 2 + 1, INT64_MAX / 2);
    take_due(&it, INT64_MAX / 2 + 2);
    assert_int_equal(it.left, 0);
}

/* Nor is it one for nodes that came after the leap, while an older one was not told of yet. */
static void what_comes_after_a_leap_is_no_walk(void **state) {
    (void)state;
    static struct case_ it;
    it = (struct case_){.left = 1};
    int64_t now = INT64_MAX / 2;
    due_begin(&it.queue, 1);
    due_add(&it.queue, &it.nodes[0], 1, 0);
    for (size_t i = 1; i < 9; i++, it.left++)
        due_add(&it.queue, &it.nodes[i], now + 1, now);
    take_due(&it, now);
    assert_int_equal(it.left, 8);
    assert_true(it.told[0]);
    take_due(&it, now + 2);
    assert_int_equal(it.left, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_of_once_it_is_due),
        cmocka_unit_test(a_queue_that_is_far_behind_loses_nothing),
        cmocka_unit_test(what_is_taken_out_is_not_told_of),
        cmocka_unit_test(a_leap_is_no_walk),
        cmocka_unit_test(what_comes_after_a_leap_is_no_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
