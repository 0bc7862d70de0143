/* Whether the topic is there: asked of the broker in a thread of its own, so that who captures need not wait. An absent
 * broker is no reason not to begin, since records can wait for it; a missing topic or a refused login is. */
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

/* Ends the asking, which takes some milliseconds if it is not over, frees it, and gives its result: 0 if the topic is there
 * or nobody answered, else -errno and the line. NULL is fine. */
int kafka_topic_check_end(struct kafka_topic_check *check, struct error *error);
