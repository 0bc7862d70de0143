/* The end of a producer. Private to the Kafka sink. */
#pragma once

#include <stdbool.h>

struct rd_kafka_s;

/* Destroys the producer in a thread of its own, since librdkafka waits for its threads there, and one that looks up a name
 * can't be stopped. False: that took longer than a fifth of a second. The producer then goes on ending until the process
 * ends, and what its callbacks use must stay. */
bool kafka_end(struct rd_kafka_s *producer);
