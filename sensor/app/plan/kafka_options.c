#include "app/plan/kafka_options.h"

#include <errno.h>
#include <string.h>

struct sink_options kafka_options_of(const struct config *config, const struct output_config *output) {
    return (struct sink_options){
        .output = config_output_name(output),
        .topic = output->topic,
        .kafka = (const char *const *)output->kafka.items,
        .kafka_count = output->kafka.count,
        .delivery_limit = config->delivery.timeout,
    };
}

bool config_output_is_kafka(const struct output_config *output) {
    return strcmp(config_output_sink(output), "kafka") == 0;
}

int kafka_check_outputs(const struct config *config, struct error *error) {
    for (size_t i = 0; i < config->output_count; i++)
        if (config_output_is_kafka(&config->outputs[i]))
            return config_check_outputs(config, error);
    return error_set(error, EINVAL, EX_CONFIG,
                     "no output has a topic; name the sensor's configuration with -c CONF");
}
