#include "app/backing.h"

#include <signal.h>

#include "meter/meter.h"

static void *back(void *context) {
    struct backing *backing = context;
    for (size_t i = 0; i < backing->lane_count; i++)
        meter_back_memory(backing->lanes[i].meter, &backing->stop);
    return NULL;
}

/* Signals are for the other threads. */
void backing_start(struct backing *backing, const struct lane *lanes, size_t lane_count) {
    sigset_t all, before;
    backing->lanes = lanes;
    backing->lane_count = lane_count;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    backing->started = pthread_create(&backing->thread, NULL, back, backing) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void backing_stop(struct backing *backing) {
    atomic_store(&backing->stop, true);
    if (backing->started)
        pthread_join(backing->thread, NULL);
    backing->started = false;
}
