/* Threads have a name and start with all signals blocked, and whoever makes them keeps its own mask. */
#include "base/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void *look_at_mask(void *context) {
    pthread_sigmask(SIG_SETMASK, NULL, context);
    return NULL;
}

static void *wait_at(void *context) {
    pthread_barrier_wait(context);
    return NULL;
}

static void signals_are_blocked(void **state) {
    (void)state;
    sigset_t before, after, inside;
    pthread_t thread;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(thread_start(&thread, "looks", look_at_mask, &inside), 0);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number <= SIGSYS; number++) { /* the C library keeps the next two to itself */
        if (number != SIGKILL && number != SIGSTOP)
            assert_true(sigismember(&inside, number));
        assert_int_equal(sigismember(&after, number), number == SIGUSR2);
    }
}

static void a_thread_has_its_name(void **state) {
    (void)state;
    char name[16] = "";
    pthread_t thread;
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(thread_start(&thread, "waits", wait_at, &barrier), 0);
    assert_int_equal(pthread_getname_np(thread, name, sizeof name), 0);
    assert_string_equal(name, "waits");
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&barrier);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_are_blocked),
        cmocka_unit_test(a_thread_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
