#include "base/gate.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

void gate_enter(struct gate *gate, uint32_t *turn) {
    *turn = atomic_load(&gate->turn);
    atomic_fetch_add(&gate->sleepers, 1);
}

void gate_leave(struct gate *gate) {
    DEBUG_CHECK(atomic_load(&gate->sleepers) != 0); /* gate_enter() came before */
    atomic_fetch_sub(&gate->sleepers, 1);
}

void gate_sleep(struct gate *gate, uint32_t turn, int64_t microseconds) {
    struct timespec limit = {.tv_sec = microseconds / 1000000, .tv_nsec = microseconds % 1000000 * 1000};
    syscall(SYS_futex, &gate->turn, FUTEX_WAIT_PRIVATE, turn, &limit, NULL, 0);
}

void gate_wake(struct gate *gate) {
    atomic_fetch_add(&gate->turn, 1);
    syscall(SYS_futex, &gate->turn, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
