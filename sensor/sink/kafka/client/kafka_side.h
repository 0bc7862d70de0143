/* A thread beside an output, which a disk, a name server or a broker may hold up. Private to sink/kafka*.c.
 *
 * Who made it asks it to stop, and waits for a while only. If it is held up for longer, it goes on, and frees what it has
 * when it can. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/gate.h"

/* Zeros are ready. */
struct kafka_side {
    pthread_t thread;
    struct gate gate; /* for `stop` and `over` */
    bool started;
    atomic_bool stop, over;
    atomic_bool left; /* by the thread or by who ends it: the second of them frees */
};

/* 0 or -errno.
 * @thread any one, as kafka_side_end() */
int kafka_side_start(struct kafka_side *side, const char *name, void *(*run)(void *context), void *context);

/* Until that moment (monotonic clock), or until it is to stop.
 * @thread its own */
void kafka_side_sleep(struct kafka_side *side, int64_t until);

/* The last of its calls. True: nobody waits for it any more, and it frees what holds `side`.
 * @thread its own */
bool kafka_side_is_left(struct kafka_side *side);

/* Stops it, and waits for so many microseconds. True: it has ended, or was never started, and the caller frees what holds
 * `side`. False: the thread does, later; it ends with the process.
 * @thread any one, as kafka_side_start() */
bool kafka_side_end(struct kafka_side *side, int64_t patience);
