/* The state of a Kafka output, for kafka.c, which writes, and kafka_callbacks.c, which librdkafka calls back. Private
 * to these.
 *
 * Belongs to the output's thread: `deliver`, or the one that flushes it at the end (sink.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"
#include "sink/ages.h"
#include "sink/framing.h"
#include "sink/kafka_headers.h"
#include "sink/kafka_link.h"
#include "sink/sink.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

enum { KAFKA_SINK_MAGIC = 0x0ca0ca5f };

struct kafka_sink {
    uint32_t magic;
    const char *output, *topic;      /* borrowed from the output */
    struct rd_kafka_topic_s *handle; /* of the topic: a name is looked up under a lock with each message */
    struct rd_kafka_s *producer;
    struct kafka_headers headers;
    struct framing framing;
    struct buffer framed;
    bool wait_when_full, has_neighbours;
    int64_t (*deadline)(void);
    int64_t delivery_limit;
    int64_t waiting_since; /* monotonic clock: begin of the last wait */
    uint64_t records_max;  /* in flight: queue.buffering.max.messages */
    struct sink_statistics statistics;
    struct ages ages; /* of the records in flight */
    struct kafka_link link;
    int last_error;   /* rd_kafka_resp_err_t, as the next */
    int last_refusal; /* why a record was refused; timeouts don't count */
    bool authentication_failed;
    struct kafka_topic_check *check; /* NULL once it is known whether the topic is there */
};

/* Sets all callbacks in the configuration of a new producer. The sink must stay until the producer has ended. Delivery
 * reports, errors and statistics are called back in the output's thread, by rd_kafka_poll() and rd_kafka_flush(). The
 * callbacks for the log and the sockets run in librdkafka's threads, and touch nothing of the sink. */
void kafka_callbacks_set(struct rd_kafka_conf_s *conf, struct kafka_sink *sink);

/* What a record that ends with this error (rd_kafka_resp_err_t) counts as. */
enum sink_drop kafka_drop_of(int code);

/* Live, the first record that is lost this way is logged at once; a run over files ends with one line about them. */
void kafka_count_drop(struct kafka_sink *sink, int code);

/* The time of the hand-over is passed as a record's opaque pointer, so that the delivery report has it. */
static inline void *kafka_time_to_opaque(int64_t time) {
    void *opaque = NULL;
    _Static_assert(sizeof opaque == sizeof time, "a time goes where librdkafka takes a pointer");
    memcpy(&opaque, &time, sizeof opaque);
    return opaque;
}

static inline int64_t kafka_time_from_opaque(const void *opaque) {
    int64_t time = 0;
    memcpy(&time, &opaque, sizeof time);
    return time;
}
