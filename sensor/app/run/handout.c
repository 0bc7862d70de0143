#include "app/run/handout.h"

#include <stdint.h>

enum { LOOK_MICROSECONDS = 100000 }; /* between two looks whether it is given up */

bool handout_run(struct handout *handout, unsigned takers, const atomic_bool *given_up) {
    uint32_t turn;
    atomic_store(&handout->left, takers);
    atomic_fetch_add(&handout->turn, 1);
    while (atomic_load(&handout->left) > 0 && !atomic_load(given_up)) {
        gate_enter(&handout->taken, &turn);
        if (atomic_load(&handout->left) > 0)
            gate_sleep(&handout->taken, turn, LOOK_MICROSECONDS);
        gate_leave(&handout->taken);
    }
    return atomic_load(&handout->left) == 0;
}

bool handout_is_due(struct handout *handout, unsigned *turn) {
    unsigned latest = atomic_load_explicit(&handout->turn, memory_order_acquire);
    bool due = latest != *turn;
    *turn = latest;
    return due;
}

void handout_took(struct handout *handout) {
    atomic_fetch_sub(&handout->left, 1);
    gate_open(&handout->taken);
}
