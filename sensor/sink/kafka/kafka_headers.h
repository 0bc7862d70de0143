/* The headers of records, those that the output's configuration chose. librdkafka allocates each header of each record, and
 * owns them until the delivery report. So they are taken back from there and serve the next records, in which little
 * differs. Where no header is chosen, records have no list of them. Private to kafka.c and kafka_callbacks.c, for the
 * output's thread. */
#pragma once

#include <stddef.h>

#include "record/message.h"
#include "sink/kafka/kafka_header_set.h"

struct rd_kafka_headers_s;
struct rd_kafka_message_s;

/* As many as the reports of two full requests give back. They were allocated for records in the queue, so they don't add
 * to what the queue takes at most. */
enum { KAFKA_HEADERS_SPARE = 4096 };

struct kafka_headers {
    unsigned chosen;                     /* a set of enum kafka_header */
    struct rd_kafka_headers_s *constant; /* copied where there is no spare list; NULL: records have none */
    struct rd_kafka_headers_s *spare[KAFKA_HEADERS_SPARE];
    size_t spare_count;
};

/* Makes those headers that are the same in all records: of the `chosen` ones (a set of enum kafka_header), and `verify` where
 * the origin says so. `headers` is all zero. The texts are copied. -ENOMEM. */
int kafka_headers_open(struct kafka_headers *headers, const struct message_origin *origin, unsigned chosen);
void kafka_headers_close(struct kafka_headers *headers);

/* All headers of a record, for the caller, who hands them to librdkafka or gives them back; *list is NULL where records have
 * none. -ENOMEM. */
int kafka_headers_take(struct kafka_headers *headers, const struct message *message,
                       struct rd_kafka_headers_s **list);
void kafka_headers_give(struct kafka_headers *headers, struct rd_kafka_headers_s *list);

/* Takes the headers out of a message whose delivery is reported. */
void kafka_headers_take_back(struct kafka_headers *headers, struct rd_kafka_message_s *message);
