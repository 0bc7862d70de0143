/* Prefaults the memory of a live run's flows: a thread touches every page while packets are already read. That takes longer
 * than all the rest of a start, which doesn't wait for it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "app/run/lane.h"

struct prefault {
    const struct lane *lanes;
    size_t lane_count;
    pthread_t thread;
    bool started;
    atomic_bool stop;
};

/* The lanes are borrowed until prefault_stop(). If no thread can be started, pages are faulted in as they are used.
 * @thread deliver (both): the one that opens and closes the run */
void prefault_start(struct prefault *prefault, const struct lane *lanes, size_t lane_count);
void prefault_stop(struct prefault *prefault);
