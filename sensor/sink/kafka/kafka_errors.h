/* What a failed delivery asks for. Codes are librdkafka's rd_kafka_resp_err_t.
 * @thread any: no state */
#pragma once

#include <stddef.h>

#include "sink/sink.h"

enum kafka_class {
    KAFKA_DELIVERED,
    /* Nothing is wrong with the record: its topic, partition or broker can't take it now, or we may not write now. It is sent
     * again, for ever. */
    KAFKA_HOLD,
    /* The batch is larger than the topic takes, or the broker refuses what is in some record of it. It is sent again in smaller
     * ones; if a record fails alone too, it is that record. */
    KAFKA_TOO_LARGE,
    KAFKA_REFUSED,
    /* The producer can't go on; a fresh one can. */
    KAFKA_PRODUCER_FAILED,
};

enum kafka_class kafka_class_of(int code);

/* For the log: what to do about a partition that is held for this reason; "" if only waiting helps. */
const char *kafka_remedy_of(int code);

/* Copies an error text of librdkafka. Of a connection that own_sockets_cut_unanswered() ended it says that the peer has reset it, where
 * nobody answered. */
void kafka_error_text(const char *text, char *copy, size_t size);
