#include "app/backing.h"

#include "base/thread.h"
#include "meter/meter.h"

static void *back(void *context) {
    struct backing *backing = context;
    for (size_t i = 0; i < backing->lane_count; i++)
        meter_back_memory(backing->lanes[i].meter, &backing->stop);
    return NULL;
}

void backing_start(struct backing *backing, const struct lane *lanes, size_t lane_count) {
    backing->lanes = lanes;
    backing->lane_count = lane_count;
    backing->started = thread_start(&backing->thread, "backing", back, backing) == 0;
}

void backing_stop(struct backing *backing) {
    atomic_store(&backing->stop, true);
    if (backing->started)
        pthread_join(backing->thread, NULL);
    backing->started = false;
}
