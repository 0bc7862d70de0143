/* Asks the broker for the topic and its partitions, in a thread of its own, so that capturing need not wait. A run begins also
 * without a broker, since records can wait for it. It does not begin with a missing topic or a refused login. All calls
 * are for the output's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct rd_kafka_s;
struct kafka_topic_check;

/* Asks until somebody answers, at most `limit` microseconds. The names and the producer are borrowed until
 * kafka_topic_check_end(). EX_OSERR. */
int kafka_topic_check_begin(struct rd_kafka_s *producer, const char *output, const char *topic, int64_t limit,
                            struct kafka_topic_check **check, struct error *error);

/* Whether the asking is over. */
bool kafka_topic_check_is_over(struct kafka_topic_check *check);

/* It is to be over soon. */
void kafka_topic_check_stop(struct kafka_topic_check *check);

/* Ends the asking, frees it, and gives its result: 0 if the topic exists or nobody answered, else -errno and the line. If the
 * asking is not over, that takes up to a tenth of a second, and up to 0.8 s with a broker that is slow to answer. *partitions
 * (may be NULL) gets their number; it stays if there is no topic or no answer. NULL is fine. */
int kafka_topic_check_end(struct kafka_topic_check *check, int32_t *partitions, struct error *error);
