/* What librdkafka is told of an output: our defaults, what the person says, and what follows from both. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

struct rd_kafka_conf_s;

/* A configuration with all properties of the output; the caller's. EX_CONFIG and the line for one that librdkafka
 * doesn't take, or if there is no broker. */
int kafka_properties_make(const struct sink_options *options, struct rd_kafka_conf_s **conf,
                          struct error *error);

/* librdkafka before 2.6.1 fails SCRAM against Kafka 4 with the right password: logs a warning of that, before anyone
 * doubts their password. The first client that logs in calls it. */
void kafka_warn_of_scram(const struct sink_options *options);

/* Whether librdkafka takes the properties together, with the features of its build and the files that they name;
 * connects nowhere. EX_CONFIG. */
int kafka_check(const struct sink_options *options, struct error *error);

/* Bytes that a producer with these properties takes at most, its full queue included. */
int kafka_memory(const struct sink_options *options, uint64_t *bytes, struct error *error);
