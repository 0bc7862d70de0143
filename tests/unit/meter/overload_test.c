/* The overload ladder: when a step is taken and left, in which order, and which conversations sampling takes. */
#include "meter/overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ENTER = 75, LEAVE = 25, PATIENCE = 10000000, PACE = OVERLOAD_PACE_MICROSECONDS };

static const struct overload_options all = {
    .steps = {OVERLOAD_short_idle, OVERLOAD_no_dissection, OVERLOAD_no_splt, OVERLOAD_sampling,
              OVERLOAD_shedding},
    .count = OVERLOAD_STEP_COUNT,
    .enter = ENTER,
    .leave = LEAVE,
    .patience = PATIENCE,
    .sampling_rate = 8,
};

struct ladder {
    struct overload overload;
    int64_t now;
};

static struct ladder ladder_of(const struct overload_options *options) {
    struct ladder ladder = {.now = 5};
    overload_begin(&ladder.overload, options);
    return ladder;
}

static bool look(struct ladder *ladder, int64_t after, unsigned ring, unsigned table) {
    const struct overload_pressure pressure = {.ring = ring, .table = table};
    ladder->now += after;
    return overload_look(&ladder->overload, &pressure, ladder->now);
}

static void climb(struct ladder *ladder, unsigned level) {
    while (ladder->overload.level < level)
        assert_true(look(ladder, PACE, 100, 0));
}

static void goes_up_one_step_at_a_time_in_order(void **state) {
    (void)state;
    struct ladder ladder = ladder_of(&all);
    assert_int_equal(overload_taken(&ladder.overload), 0);
    assert_true(look(&ladder, 0, ENTER, 0)); /* the first one at once */
    unsigned taken = 1u << OVERLOAD_short_idle;
    assert_int_equal(overload_taken(&ladder.overload), taken);
    for (unsigned step = 1; step < OVERLOAD_STEP_COUNT; step++) {
        assert_false(look(&ladder, PACE - 1, 100, 0));
        assert_true(look(&ladder, 1, ENTER, 0));
        taken |= 1u << step;
        assert_int_equal(overload_taken(&ladder.overload), taken);
    }
    assert_false(look(&ladder, PACE, 100, 100)); /* there is no more */
    for (int step = 0; step < OVERLOAD_STEP_COUNT; step++)
        assert_int_equal(ladder.overload.entered[step], 1);
}

static void stays_between_the_thresholds(void **state) {
    (void)state;
    struct ladder ladder = ladder_of(&all);
    assert_false(look(&ladder, PATIENCE, ENTER - 1, 0));
    climb(&ladder, 2);
    for (int i = 0; i < 100; i++) {
        assert_false(look(&ladder, PATIENCE, ENTER - 1, 0));
        assert_false(look(&ladder, PATIENCE, LEAVE, 0));
    }
    assert_int_equal(ladder.overload.level, 2);
}

static void goes_down_one_step_after_each_time_of_patience(void **state) {
    (void)state;
    struct ladder ladder = ladder_of(&all);
    climb(&ladder, OVERLOAD_STEP_COUNT);
    assert_false(look(&ladder, PACE, LEAVE - 1, 0)); /* low from here on */
    for (unsigned level = OVERLOAD_STEP_COUNT; level > 0; level--) {
        assert_false(look(&ladder, PATIENCE - 1, 0, 0));
        assert_true(look(&ladder, 1, LEAVE - 1, 0));
        assert_int_equal(ladder.overload.level, level - 1);
        assert_int_equal(overload_taken(&ladder.overload), (1u << (level - 1)) - 1);
    }
    assert_false(look(&ladder, PATIENCE, 0, 0));
}

/* A look at which the pressure is not low begins the wait anew, however short it was. */
static void patience_begins_anew(void **state) {
    (void)state;
    struct ladder ladder = ladder_of(&all);
    climb(&ladder, 1);
    assert_false(look(&ladder, 1, 0, 0));
    assert_false(look(&ladder, PATIENCE - 1, 0, 0));
    assert_false(look(&ladder, 1, LEAVE, 0));
    assert_false(look(&ladder, 1, 0, 0));
    assert_false(look(&ladder, PATIENCE - 1, 0, 0));
    assert_true(look(&ladder, 1, 0, 0));
}

/* Bursts that come again before the patience is over: no step is left and taken again. */
static void does_not_flap(void **state) {
    (void)state;
    struct ladder ladder = ladder_of(&all);
    unsigned changes = 0;
    for (int burst = 0; burst < 20; burst++) {
        changes += look(&ladder, PACE, 100, 0);
        for (int64_t quiet = 0; quiet + PACE < PATIENCE; quiet += PACE)
            changes += look(&ladder, PACE, 0, 0);
    }
    assert_int_equal(changes, OVERLOAD_STEP_COUNT);
    assert_int_equal(ladder.overload.level, OVERLOAD_STEP_COUNT);
}

static void the_table_takes_short_idle_alone(void **state) {
    (void)state;
    struct ladder ladder = ladder_of(&all);
    assert_false(look(&ladder, PACE, 0, ENTER - 1));
    assert_true(look(&ladder, PACE, 0, ENTER));
    assert_false(look(&ladder, PACE, 0, 100));
    assert_int_equal(ladder.overload.level, 1);
    assert_true(look(&ladder, PACE, ENTER, 100)); /* the ring goes on from there */
    /* The table holds the first step, not the second. */
    assert_false(look(&ladder, PACE, 0, LEAVE));
    assert_true(look(&ladder, PATIENCE, 0, LEAVE));
    assert_false(look(&ladder, PATIENCE, 0, LEAVE));
    assert_int_equal(ladder.overload.level, 1);
    assert_false(look(&ladder, PACE, 0, LEAVE - 1));
    assert_true(look(&ladder, PATIENCE, 0, LEAVE - 1));
    assert_int_equal(ladder.overload.level, 0);
}

static void the_table_does_nothing_where_short_idle_is_not_first(void **state) {
    (void)state;
    struct overload_options options = all;
    options.steps[0] = OVERLOAD_sampling;
    options.steps[1] = OVERLOAD_short_idle;
    options.count = 2;
    struct ladder ladder = ladder_of(&options);
    assert_false(look(&ladder, PACE, 0, 100));
    assert_true(look(&ladder, PACE, 100, 100));
    assert_int_equal(overload_taken(&ladder.overload), 1u << OVERLOAD_sampling);
    assert_false(look(&ladder, PACE, 0, 100));
    assert_true(look(&ladder, PATIENCE, 0, 100));
}

static void only_the_steps_of_the_list_are_taken(void **state) {
    (void)state;
    struct overload_options options = all;
    options.steps[0] = OVERLOAD_shedding;
    options.count = 1;
    struct ladder ladder = ladder_of(&options);
    assert_true(look(&ladder, PACE, 100, 0));
    assert_int_equal(overload_taken(&ladder.overload), 1u << OVERLOAD_shedding);
    assert_false(look(&ladder, PACE, 100, 0));
    assert_int_equal(ladder.overload.entered[OVERLOAD_shedding], 1);
    assert_int_equal(ladder.overload.entered[OVERLOAD_short_idle], 0);
}

static void an_empty_list_is_no_ladder(void **state) {
    (void)state;
    struct overload_options options = all;
    options.count = 0;
    struct ladder ladder = ladder_of(&options);
    assert_false(look(&ladder, PACE, 100, 100));
    assert_false(look(&ladder, PATIENCE, 0, 0));
    assert_int_equal(overload_taken(&ladder.overload), 0);
}

/* From the look at which the first step is taken to the one at which the last is left, whatever the steps in between. */
static void time_is_counted_while_a_step_is_taken(void **state) {
    (void)state;
    struct ladder ladder = ladder_of(&all);
    look(&ladder, PATIENCE, 0, 0);
    look(&ladder, PACE, ENTER, 0);
    assert_int_equal(ladder.overload.time, 0);
    look(&ladder, 7, LEAVE, 0);
    assert_int_equal(ladder.overload.time, 7);
    look(&ladder, PACE, 100, 0); /* the second step */
    look(&ladder, 5, 0, 0);
    look(&ladder, PATIENCE, 0, 0);
    assert_int_equal(ladder.overload.level, 1);
    look(&ladder, PATIENCE, 0, 0);
    assert_int_equal(ladder.overload.level, 0);
    assert_int_equal(ladder.overload.time, 7 + PACE + 5 + 2 * PATIENCE);
    look(&ladder, PATIENCE, 0, 0);
    look(&ladder, 3, 100, 0);
    look(&ladder, 2, 0, 0);
    assert_int_equal(ladder.overload.time, 7 + PACE + 5 + 2 * PATIENCE + 2);
}

static struct hash128 hash_of(uint64_t first, uint8_t rest) {
    struct hash128 hash;
    memset(hash.bytes, rest, sizeof hash.bytes);
    for (int i = 0; i < 8; i++)
        hash.bytes[i] = (uint8_t)(first >> (56 - 8 * i));
    return hash;
}

/* The first 64 bits against 2^64 / rate, at both sides of the edge; the rest of the hash doesn't matter. */
static void sampling_is_by_the_first_64_bits(void **state) {
    (void)state;
    static const struct {
        uint32_t rate;
        uint64_t last;
    } cases[] = {{2, UINT64_C(0x7fffffffffffffff)},
                 {3, UINT64_C(0x5555555555555555)},
                 {8, UINT64_C(0x1fffffffffffffff)},
                 {1000, UINT64_C(18446744073709551)},
                 {1000000, UINT64_C(18446744073709)}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct overload_options options = all;
        options.sampling_rate = cases[i].rate;
        for (int rest = 0; rest < 256; rest += 255) {
            struct hash128 in = hash_of(cases[i].last, (uint8_t)rest);
            struct hash128 out = hash_of(cases[i].last + 1, (uint8_t)rest);
            assert_true(overload_samples(&options, &in));
            assert_false(overload_samples(&options, &out));
        }
    }
}

static void steps_have_names(void **state) {
    (void)state;
    assert_string_equal(overload_step_name(OVERLOAD_short_idle), "short_idle");
    assert_string_equal(overload_step_name(OVERLOAD_shedding), "shedding");
    assert_string_equal(overload_step_does(OVERLOAD_shedding), "no new flow is metered");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_up_one_step_at_a_time_in_order),
        cmocka_unit_test(stays_between_the_thresholds),
        cmocka_unit_test(goes_down_one_step_after_each_time_of_patience),
        cmocka_unit_test(patience_begins_anew),
        cmocka_unit_test(does_not_flap),
        cmocka_unit_test(the_table_takes_short_idle_alone),
        cmocka_unit_test(the_table_does_nothing_where_short_idle_is_not_first),
        cmocka_unit_test(only_the_steps_of_the_list_are_taken),
        cmocka_unit_test(an_empty_list_is_no_ladder),
        cmocka_unit_test(time_is_counted_while_a_step_is_taken),
        cmocka_unit_test(sampling_is_by_the_first_64_bits),
        cmocka_unit_test(steps_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
