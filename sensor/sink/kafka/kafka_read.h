/* Reads one message back from the place that a delivery report names. Called by the main thread, outside a run. Of struct
 * sink_options only output, topic, kafka, kafka_count and delivery_limit are used. The call takes no longer than that
 * limit. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

/* Owned by who got it. */
struct stored_message {
    uint8_t *value;
    size_t length;
    char *key; /* NUL behind it; NULL: none */
    /* Headers as texts; "" where there is none. */
    char sensor_id[256], boot_id[64], output[256], seq[24];
};

/* No consumer group is used. EX_NOPERM: the topic may not be read; EX_CONFIG: no message there (any more);
 * EX_UNAVAILABLE: no answer. */
int kafka_read(const struct sink_options *options, int32_t partition, int64_t offset,
               struct stored_message *message, struct error *error);
void stored_message_free(struct stored_message *message);
