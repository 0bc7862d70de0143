/* The end of a producer. Private to the Kafka sink. */
#pragma once

#include <stdbool.h>

struct rd_kafka_s;

/* Destroys it. librdkafka waits there for its threads, and one that looks up a name can't be ended: after a fifth of a
 * second it is left to itself until the process ends. False: so it is, and what its callbacks use must stay. */
bool kafka_end(struct rd_kafka_s *producer);
