/* librdkafka's properties for an output: our defaults, those of the configuration, and what follows from both. Nothing
 * here is shared: the caller's thread. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

struct rd_kafka_conf_s;

/* A librdkafka configuration with all properties of the output, which the caller owns. EX_CONFIG with the line if
 * librdkafka refuses a property, or if no broker is given. */
int kafka_properties_make(const struct sink_options *options, struct rd_kafka_conf_s **conf,
                          struct error *error);

/* librdkafka before 2.6.1 fails SCRAM against Kafka 4 even with the right password. This logs a warning, so that nobody
 * looks for a wrong password. The first client that logs in calls it. */
void kafka_warn_of_scram(const struct sink_options *options);

/* The value of a property that is a number, which librdkafka has checked. */
uint64_t kafka_property_number(const struct rd_kafka_conf_s *conf, const char *property);
