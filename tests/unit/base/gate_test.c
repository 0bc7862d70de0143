#include "base/gate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

static void sleeping_ends_with_the_limit(void **state) {
    (void)state;
    struct gate gate = {0};
    uint32_t turn;
    int64_t start = clock_monotonic();
    gate_enter(&gate, &turn);
    gate_sleep(&gate, turn, 20000);
    gate_leave(&gate);
    int64_t slept = clock_monotonic() - start;
    assert_true(slept >= 19000 && slept < 5000000);
}

static void an_opening_after_entering_is_not_missed(void **state) {
    (void)state;
    struct gate gate = {0};
    uint32_t turn;
    int64_t start = clock_monotonic();
    gate_enter(&gate, &turn);
    gate_open(&gate);
    gate_sleep(&gate, turn, 20000000);
    gate_leave(&gate);
    assert_true(clock_monotonic() - start < 10000000);
}

static void an_opening_that_nobody_waits_for_changes_nothing(void **state) {
    (void)state;
    struct gate gate = {0};
    gate_open(&gate);
    assert_int_equal(gate.turn, 0);
}

enum { TURNS = 20000 };

struct game {
    struct gate gate;
    _Atomic uint32_t ball;
};

static void wait_for(struct game *game, uint32_t ball) {
    while (atomic_load(&game->ball) != ball) {
        uint32_t turn;
        gate_enter(&game->gate, &turn);
        if (atomic_load(&game->ball) != ball)
            gate_sleep(&game->gate, turn, 30000000);
        gate_leave(&game->gate);
    }
}

static void play(struct game *game, uint32_t first) {
    for (uint32_t ball = first; ball < TURNS; ball += 2) {
        wait_for(game, ball);
        atomic_store(&game->ball, ball + 1);
        gate_open(&game->gate);
    }
}

static void *play_odd(void *context) {
    play(context, 1);
    return NULL;
}

/* A wake-up that got lost would cost 30 seconds. */
static void two_threads_take_turns(void **state) {
    (void)state;
    struct game game = {0};
    pthread_t other;
    int64_t start = clock_monotonic();
    assert_int_equal(pthread_create(&other, NULL, play_odd, &game), 0);
    play(&game, 0);
    pthread_join(other, NULL);
    assert_int_equal(atomic_load(&game.ball), TURNS);
    assert_true(clock_monotonic() - start < 20000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleeping_ends_with_the_limit),
        cmocka_unit_test(an_opening_after_entering_is_not_missed),
        cmocka_unit_test(an_opening_that_nobody_waits_for_changes_nothing),
        cmocka_unit_test(two_threads_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
