/* An output's Kafka options, as the functions of sink/kafka/ want them that commands call without a sink. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"
#include "sink/sink.h"

/* Borrows from the configuration. */
struct sink_options kafka_options_of(const struct config *config, const struct output_config *output);

/* The folder of an output's spool: malloc'd. What is no letter, digit, '_' or '-' in its name is written as %XX. NULL: no
 * memory. To be called with a spool.directory. */
char *spool_directory_of(const struct config *config, const char *output);

bool config_output_is_kafka(const struct output_config *output);

/* Checks that there is a Kafka output, and that every output is complete. EX_CONFIG. */
int kafka_check_outputs(const struct config *config, struct error *error);
