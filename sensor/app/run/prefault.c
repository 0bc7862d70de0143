#include "app/run/prefault.h"

#include "base/thread.h"
#include "meter/meter.h"

static void *prefault_run(void *context) {
    struct prefault *prefault = context;
    for (size_t i = 0; i < prefault->lane_count; i++)
        meter_back_memory(prefault->lanes[i].meter, &prefault->stop);
    return NULL;
}

void prefault_start(struct prefault *prefault, const struct lane *lanes, size_t lane_count) {
    prefault->lanes = lanes;
    prefault->lane_count = lane_count;
    prefault->started = thread_start(&prefault->thread, "prefault", prefault_run, prefault) == 0;
}

void prefault_stop(struct prefault *prefault) {
    atomic_store(&prefault->stop, true);
    if (prefault->started)
        pthread_join(prefault->thread, NULL);
    prefault->started = false;
}
