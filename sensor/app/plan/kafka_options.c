#include "app/plan/kafka_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink_options kafka_options_of(const struct config *config, const struct output_config *output) {
    const struct sink_spool spool = {
        .directory = config->spool.directory,
        .size = (uint64_t)(config->spool.directory ? config->spool.size : config->spool.memory_size),
        .drop_oldest = strcmp(config->spool.when_full, "drop_oldest") == 0,
        .drain_rate = (double)config->spool.drain_rate,
    };
    return (struct sink_options){
        .output = config_output_name(output),
        .topic = output->topic,
        .kafka = (const char *const *)output->kafka.items,
        .kafka_count = output->kafka.count,
        .delivery_limit = config->delivery.timeout,
        .spool = spool,
    };
}

char *spool_directory_of(const struct config *config, const char *output) {
    const char *folder = config->spool.directory;
    char *path = malloc(strlen(folder) + 3 * strlen(output) + sizeof "/");
    if (!path)
        return NULL;
    char *end = stpcpy(stpcpy(path, folder), "/");
    for (const char *letter = output; *letter; letter++)
        end += sprintf(end, isalnum((unsigned char)*letter) || strchr("_-", *letter) ? "%c" : "%%%02X",
                       (unsigned char)*letter);
    return path;
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
