/* The end of a producer, and of what it calls back. Private to the Kafka sink.
 *
 * @thread any */
#pragma once

#include <stdatomic.h>

struct rd_kafka_s;

/* Counts who needs something that producers call back: its owner, and each producer that still ends. The last of them
 * frees it. */
struct kafka_stay {
    atomic_uint holders;
    void (*release)(void *context);
    void *context;
};

void kafka_stay_hold(struct kafka_stay *stay);
void kafka_stay_leave(struct kafka_stay *stay);

/* Destroys the producer in a thread of its own, since librdkafka waits for its threads there, and one that looks up a name
 * can't be stopped. Waits for a fifth of a second; what takes longer holds `stay` until it is over, or the process ends.
 * `stay`: what its callbacks use; NULL: nothing. */
void kafka_end(struct rd_kafka_s *producer, struct kafka_stay *stay);
