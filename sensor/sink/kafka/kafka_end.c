#include "sink/kafka/kafka_end.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/gate.h"
#include "base/log.h"
#include "base/thread.h"

/* Ending takes some milliseconds. With librdkafka 2.8 it sometimes takes a second if the producer was made just before. */
enum { PATIENCE_MICROSECONDS = 200000 };

struct kafka_ending {
    rd_kafka_t *producer;
    pthread_t thread;
    struct gate gate;
    atomic_bool over;
};

static void *destroy_producer(void *context) {
    struct kafka_ending *end = context;
    rd_kafka_destroy(end->producer);
    atomic_store(&end->over, true);
    gate_open(&end->gate);
    return NULL;
}

static bool wait_for_destroy(struct kafka_ending *end) {
    int64_t limit = clock_monotonic() + PATIENCE_MICROSECONDS, left;
    while (!atomic_load(&end->over) && (left = limit - clock_monotonic()) > 0) {
        uint32_t turn;
        gate_enter(&end->gate, &turn);
        if (!atomic_load(&end->over))
            gate_sleep(&end->gate, turn, left);
        gate_leave(&end->gate);
    }
    return atomic_load(&end->over);
}

bool kafka_end(rd_kafka_t *producer) {
    struct kafka_ending *end = calloc(1, sizeof *end);
    if (end)
        end->producer = producer;
    if (!end || thread_start(&end->thread, "kafka end", destroy_producer, end) < 0) {
        rd_kafka_destroy(producer);
        free(end);
        return true;
    }
    if (!wait_for_destroy(end)) {
        log_line(
            LOG_DEBUG,
            "librdkafka has not ended yet, perhaps because it looks up a name; it ends with the process");
        pthread_detach(end->thread);
        return false;
    }
    pthread_join(end->thread, NULL);
    free(end);
    return true;
}
