/* A live start doesn't wait until the kernel has backed the memory of its flows, which takes longer than all else of it: a
 * thread sees to that while packets are read already. */
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

/* The lanes are borrowed until prefault_stop(). Without a thread the memory is backed as it is used. */
void prefault_start(struct prefault *prefault, const struct lane *lanes, size_t lane_count);
void prefault_stop(struct prefault *prefault);
