/* An eventcount: where a thread sleeps until another one has something for it. It is built on a futex(2), so that whoever
 * opens the gate takes no lock, and makes no system call unless somebody sleeps.
 *
 *     gate_enter(gate, &turn);            // from now on an opening is not missed
 *     if (nothing_to_do())
 *         gate_sleep(gate, turn, limit);
 *     gate_leave(gate);
 *
 * What the sleeper waits for must be published by a sequentially consistent store before gate_open(), and looked at by a
 * sequentially consistent load after gate_enter(). Any number of threads on either side; no lock is needed. A gate of
 * zeros is ready. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct gate {
    _Atomic uint32_t turn; /* changes with each opening that found a sleeper */
    _Atomic uint32_t sleepers;
};

/* @thread any; each gate_enter() is followed by a gate_leave() of the same thread */
void gate_enter(struct gate *gate, uint32_t *turn);
void gate_leave(struct gate *gate);

/* Sleeps until the gate is opened after gate_enter(), or `microseconds` have passed; may return early.
 * @thread any, between gate_enter() and gate_leave() */
void gate_sleep(struct gate *gate, uint32_t turn, int64_t microseconds);

/* Wakes whoever sleeps, with a system call: gate_open() calls it where there is somebody.
 * @thread any */
void gate_wake(struct gate *gate);

/* Wakes whoever sleeps. Costs one load when nobody does.
 * @thread any, after what the sleepers wait for was stored */
static inline void gate_open(struct gate *gate) {
    if (atomic_load(&gate->sleepers) != 0)
        gate_wake(gate);
}
