#include "sink/kafka/client/kafka_side.h"

#include "base/clock.h"
#include "base/thread.h"

int kafka_side_start(struct kafka_side *side, const char *name, void *(*run)(void *context), void *context) {
    int result = thread_start(&side->thread, name, run, context);
    side->started = result == 0;
    return result;
}

static void sleep_until(struct kafka_side *side, atomic_bool *what, int64_t end) {
    int64_t left;
    while (!atomic_load(what) && (left = end - clock_monotonic()) > 0) {
        uint32_t turn;
        gate_enter(&side->gate, &turn);
        if (!atomic_load(what))
            gate_sleep(&side->gate, turn, left);
        gate_leave(&side->gate);
    }
}

void kafka_side_sleep(struct kafka_side *side, int64_t until) {
    sleep_until(side, &side->stop, until);
}

bool kafka_side_is_left(struct kafka_side *side) {
    atomic_store(&side->over, true);
    gate_open(&side->gate);
    return atomic_exchange(&side->left, true);
}

bool kafka_side_end(struct kafka_side *side, int64_t patience) {
    if (!side->started)
        return true;
    atomic_store(&side->stop, true);
    gate_open(&side->gate);
    sleep_until(side, &side->over, clock_monotonic() + patience);
    if (atomic_load(&side->over)) {
        pthread_join(side->thread, NULL);
        return true;
    }
    pthread_detach(side->thread);
    return atomic_exchange(&side->left, true);
}
