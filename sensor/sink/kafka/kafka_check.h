/* What can be said of an output by its options alone, before it is opened. The caller's thread. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

/* Whether librdkafka takes the properties together, with the features of its build and the files that they name;
 * connects nowhere. EX_CONFIG. */
int kafka_check(const struct sink_options *options, struct error *error);

/* Bytes that a producer with these properties takes at most, its full queue included. */
int kafka_memory(const struct sink_options *options, uint64_t *bytes, struct error *error);
