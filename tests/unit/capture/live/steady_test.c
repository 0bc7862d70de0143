/* A kernel that stamps frames by a wall clock which is stepped, a ring in which they wait, and a reader that looks at
 * the clocks when it is told to: each frame must come out with the time at which it really came. */
#include "capture/live/steady.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const int64_t START = INT64_C(1700000000000000), MILLISECOND = 1000, SECOND = 1000000,
                     HOUR = INT64_C(3600) * 1000000, DAY = INT64_C(86400) * 1000000;

enum { STEPS_MAX = 16, FRAMES = 20000, ERROR_MAX = 2, SILENCE = 200000 };

struct step {
    int64_t at, by;
};

struct world {
    struct step steps[STEPS_MAX];
    size_t step_count;
    int64_t now;
    struct steady steady;
    uint64_t noticed;
    uint32_t random;
};

/* The same numbers in every run, from 0 to `limit` - 1. */
static int64_t any(struct world *world, int64_t limit) {
    world->random = world->random * 1664525u + 1013904223u;
    return (int64_t)(world->random >> 8) * limit >> 24;
}

static int64_t wall_offset(const struct world *world, int64_t time) {
    int64_t offset = 0;
    for (size_t i = 0; i < world->step_count; i++)
        if (world->steps[i].at <= time)
            offset += world->steps[i].by;
    return offset;
}

static void look(struct world *world) {
    struct clock_look clocks = {world->now, wall_offset(world, world->now) + any(world, 3) - 1, 1};
    int64_t by = 0;
    if (!steady_look(&world->steady, &clocks, &by))
        return;
    world->noticed++;
    assert_true(by != 0);
}

static void begin(struct world *world) {
    world->now = START;
    world->steady.held = SILENCE;
    look(world);
    steady_silence(&world->steady, START);
}

/* The frame that came at `time` is read now. */
static int64_t mapped(struct world *world, int64_t time) {
    int64_t stamp = time + wall_offset(world, time);
    if (steady_wants_look(&world->steady, stamp))
        look(world);
    return steady_time(&world->steady, stamp);
}

/* The next frame comes up to `gap` later, and is read up to `wait` after that; the reader looks at a silent link each
 * tenth of a second. */
static int64_t next_frame(struct world *world, int64_t last, int64_t gap, int64_t wait) {
    int64_t time = last + any(world, gap);
    while (world->now + 100 * MILLISECOND < time) {
        world->now += 100 * MILLISECOND;
        look(world);
        steady_silence(&world->steady, world->now - SILENCE);
    }
    int64_t read = time + any(world, wait);
    world->now = read > world->now ? read : world->now;
    return time;
}

static void check_frames(struct world *world, int64_t gap, int64_t wait) {
    int64_t time = START;
    begin(world);
    for (int i = 0; i < FRAMES; i++) {
        time = next_frame(world, time, gap, wait);
        int64_t error = mapped(world, time) - time;
        if (llabs(error) > ERROR_MAX)
            fail_msg("frame %d, %lld us after the start, is %lld us off", i, (long long)(time - START),
                     (long long)error);
    }
    assert_int_equal(world->noticed, world->steady.steps);
}

static void nothing_changes_without_a_step(void **state) {
    (void)state;
    struct world world = {.random = 1};
    int64_t time = START;
    begin(&world);
    for (int i = 0; i < FRAMES; i++) {
        time = next_frame(&world, time, 3 * MILLISECOND, 150 * MILLISECOND);
        assert_int_equal(mapped(&world, time), time);
    }
    assert_int_equal(world.steady.steps, 0);
}

/* At any moment, on busy and on slow links, with a short and with a long queue in the ring. */
static void check_step(int64_t by, uint32_t random) {
    static const struct {
        int64_t gap, wait;
    } links[] = {{20, 100},       {20, 100000},     {2000, 100000},
                 {2000, 3000000}, {300000, 100000}, {1500000, 50000}};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        int64_t length = FRAMES * links[i].gap / 2;
        struct world world = {.random = random};
        world.steps[0] = (struct step){START + length / 5 + any(&world, length / 5), by};
        world.step_count = 1;
        check_frames(&world, links[i].gap, links[i].wait);
        assert_int_equal(world.noticed, 1);
    }
}

static void no_step_moves_a_frame(void **state) {
    (void)state;
    const int64_t sizes[] = {SECOND, 2 * SECOND, HOUR, DAY, 400 * DAY};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (uint32_t random = 1; random <= 5; random++) {
            check_step(sizes[i], random);
            check_step(-sizes[i], random);
        }
}

/* Forward and back, and back and forward again, 0.7 seconds apart. */
static void steps_that_are_taken_back_move_none(void **state) {
    (void)state;
    const int64_t sizes[] = {SECOND, -SECOND, HOUR, -HOUR, DAY, -DAY};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (uint32_t random = 1; random <= 5; random++) {
            struct world world = {.random = random, .step_count = STEPS_MAX};
            int64_t at = START + SECOND;
            for (size_t step = 0; step < STEPS_MAX; step++, at += 700 * MILLISECOND)
                world.steps[step] = (struct step){at, step % 2 == 0 ? sizes[i] : -sizes[i]};
            check_frames(&world, 2000, 100 * MILLISECOND);
            assert_int_equal(world.noticed, STEPS_MAX);
        }
}

/* Stamps of a clock that nobody looks at: each frame came at most a block's time before it was read. */
static void time_goes_on_whatever_the_stamps(void **state) {
    (void)state;
    const int64_t offsets[] = {2 * SECOND, -2 * SECOND, HOUR, -HOUR, 400 * DAY, -400 * DAY};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct world world = {.random = 3};
        begin(&world);
        for (int frame = 0; frame < FRAMES; frame++) {
            world.now += 1 + any(&world, 2000);
            int64_t stamp = world.now - any(&world, 1000) + offsets[i], before = world.steady.latest;
            if (steady_wants_look(&world.steady, stamp))
                look(&world);
            int64_t time = steady_time(&world.steady, stamp);
            assert_in_range(time, before, world.now);
            if (frame > 1000)
                assert_true(time >= world.now - SILENCE);
        }
        assert_int_equal(world.steady.steps, 0);
    }
}

/* A step that nobody sees since it is taken back at once: frames of its time are at most as late as the last look. */
static void no_frame_is_in_the_future(void **state) {
    (void)state;
    struct world world = {.random = 7, .now = START};
    for (int i = 0; i < FRAMES; i++) {
        world.now += 1 + any(&world, 2000);
        int64_t stamp = world.now - any(&world, 1000);
        if (i % 100 == 50)
            stamp += any(&world, 2) == 0 ? HOUR : -HOUR;
        if (steady_wants_look(&world.steady, stamp))
            look(&world);
        int64_t time = steady_time(&world.steady, stamp);
        assert_true(time <= world.now + MILLISECOND);
        assert_true(world.steady.latest <= world.now + MILLISECOND);
        if (i % 100 != 50)
            assert_int_equal(time, stamp);
    }
    assert_int_equal(world.steady.steps, 0);
}

/* The process's own clocks, which no one sets during the test. */
static void the_clocks_agree(void **state) {
    (void)state;
    int64_t wall = clock_realtime(), steady = clock_steady();
    assert_true(llabs(wall - steady) < SECOND);
    struct clock_look look = clock_look();
    assert_in_range(look.steady, steady, steady + 10 * SECOND);
    assert_true(llabs(look.offset) <= look.doubt + STEADY_STEP_MIN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_without_a_step),
        cmocka_unit_test(no_step_moves_a_frame),
        cmocka_unit_test(steps_that_are_taken_back_move_none),
        cmocka_unit_test(time_goes_on_whatever_the_stamps),
        cmocka_unit_test(no_frame_is_in_the_future),
        cmocka_unit_test(the_clocks_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
