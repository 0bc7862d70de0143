/* Tries an output's properties out, with a client of its own, beside the one in use. Private to sink/kafka*.c.
 *
 * @thread any: nothing is shared but `stop` */
#pragma once

#include <stdatomic.h>

#include "base/error.h"
#include "sink/sink.h"

enum kafka_probed {
    KAFKA_GOOD,      /* a broker took the login */
    KAFKA_BAD,       /* librdkafka or a broker refused: the error says why */
    KAFKA_UNDECIDED, /* no broker answered: the error says what was seen */
};

/* At most delivery_limit, and a moment after `stop` was set. Options as in struct kafka_client. */
enum kafka_probed kafka_probe(const struct sink_options *options, atomic_bool *stop, struct error *error);
