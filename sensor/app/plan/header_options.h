/* The headers of an output's Kafka records, as outputs.headers names them. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"
#include "record/schema/schema.h"
#include "sink/kafka/kafka_header_set.h"

/* Makes the set of them, for records of the schema. EX_CONFIG: a name is unknown or given twice, or
 * the output isn't Kafka's. */
int header_options_make(const struct output_config *output, const struct schema *schema, unsigned *headers,
                        struct error *error);
