/* An output's Kafka, as those commands of sink/kafka_*.h want it that are no sink. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"
#include "sink/sink.h"

/* Borrows from the configuration. */
struct sink_options kafka_options_of(const struct config *config, const struct output_config *output);

bool config_output_is_kafka(const struct output_config *output);

/* There is a Kafka output at all, and every output is whole. EX_CONFIG. */
int kafka_check_outputs(const struct config *config, struct error *error);
