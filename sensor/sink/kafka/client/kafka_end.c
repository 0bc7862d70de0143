#include "sink/kafka/client/kafka_end.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "sink/kafka/client/kafka_side.h"

/* Ending takes some milliseconds. With librdkafka 2.8 it sometimes takes a second if the producer was made just before. */
enum { PATIENCE_MICROSECONDS = 200000 };

struct kafka_ending {
    struct kafka_side side;
    rd_kafka_t *producer;
    struct kafka_stay *stay;
};

void kafka_stay_hold(struct kafka_stay *stay) {
    if (stay)
        atomic_fetch_add(&stay->holders, 1);
}

void kafka_stay_leave(struct kafka_stay *stay) {
    if (stay && atomic_fetch_sub(&stay->holders, 1) == 1)
        stay->release(stay->context);
}

static void ending_free(struct kafka_ending *end) {
    kafka_stay_leave(end->stay);
    free(end);
}

static void *destroy_producer(void *context) {
    struct kafka_ending *end = context;
    rd_kafka_destroy(end->producer);
    if (kafka_side_is_left(&end->side))
        ending_free(end);
    return NULL;
}

void kafka_end(rd_kafka_t *producer, struct kafka_stay *stay) {
    struct kafka_ending *end = calloc(1, sizeof *end);
    if (end) {
        end->producer = producer;
        end->stay = stay;
    }
    if (!end || kafka_side_start(&end->side, "kafka end", destroy_producer, end) < 0) {
        rd_kafka_destroy(producer);
        free(end);
        return;
    }
    kafka_stay_hold(stay);
    if (kafka_side_end(&end->side, PATIENCE_MICROSECONDS))
        ending_free(end);
    else
        log_line(
            LOG_DEBUG,
            "librdkafka has not ended yet, perhaps because it looks up a name; it ends with the process");
}
