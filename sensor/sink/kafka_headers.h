/* The headers of records. librdkafka allocates each header of each record, and owns them until the delivery report. So
 * they are taken back from there and serve the next records, in which little differs. Private to kafka.c and
 * kafka_callbacks.c, for the output's thread. */
#pragma once

#include <stddef.h>

#include "record/message.h"

struct rd_kafka_headers_s;
struct rd_kafka_message_s;

/* As many as the reports of two full requests give back. They were allocated for records in the queue, so they don't add
 * to what the queue takes at most. */
enum { KAFKA_HEADERS_SPARE = 4096 };

struct kafka_headers {
    struct rd_kafka_headers_s *constant; /* copied where there is no spare list */
    struct rd_kafka_headers_s *spare[KAFKA_HEADERS_SPARE];
    size_t spare_count;
};

/* Makes the headers that all records have; `headers` is all zero. The texts are copied. -ENOMEM. */
int kafka_headers_open(struct kafka_headers *headers, const struct message_origin *origin);
void kafka_headers_close(struct kafka_headers *headers);

/* All headers of a record, for the caller, who hands them to librdkafka or gives them back; NULL: no memory. */
struct rd_kafka_headers_s *kafka_headers_take(struct kafka_headers *headers, const struct message *message);
void kafka_headers_give(struct kafka_headers *headers, struct rd_kafka_headers_s *list);

/* Takes the headers out of a message whose delivery is reported. */
void kafka_headers_take_back(struct kafka_headers *headers, struct rd_kafka_message_s *message);
