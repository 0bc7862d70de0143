/* A change that other threads take by themselves, each between two packets or records, at its housekeeping. A handout of
 * zeros is ready. What is handed out is stored before handout_run(), and doesn't change until it returns. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/gate.h"

struct handout {
    _Atomic unsigned turn; /* rises with each change */
    _Atomic unsigned left; /* threads that have not taken the latest one */
    struct gate taken;
};

/* Hands out, and waits until so many threads have taken it, or *given_up. Whether all have.
 * @thread reload */
bool handout_run(struct handout *handout, unsigned takers, const atomic_bool *given_up);

/* Whether there is a change that the thread has not taken, which knows `*turn`; it must do so then, and say it.
 * @thread meter, deliver: one load */
bool handout_is_due(struct handout *handout, unsigned *turn);
void handout_took(struct handout *handout);
