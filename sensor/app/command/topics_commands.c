#include "app/command/topics_commands.h"

#include <stdio.h>
#include <string.h>

#include "app/host/failure.h"
#include "app/plan/kafka_options.h"
#include "sink/kafka_admin.h"

static void print_report(const char *topic, const struct topic_wish *wish, const struct topic_report *report,
                         bool granted) {
    printf("%s: %s, partitions %d, replication factor %d%s%s", topic, report->created ? "created" : "exists",
           report->partitions, report->replication_factor, report->differences[0] ? "; differs: " : "",
           report->differences);
    if (granted)
        printf("; %s may %s it", wish->principal,
               wish->readable ? "describe, write and read" : "describe and write");
    putchar('\n');
}

static bool is_readable(const struct config *config, const char *topic) {
    for (size_t i = 0; i < config->topics.readable.count; i++)
        if (strcmp(config->topics.readable.items[i], topic) == 0)
            return true;
    return false;
}

static int do_topic(enum command command, const struct config *config, const struct output_config *output,
                    struct topic_wish wish, struct error *error) {
    struct topic_report report;
    const struct sink_options options = kafka_options_of(config, output);
    bool creates = command == COMMAND_TOPICS_CREATE;
    wish.readable = is_readable(config, output->topic);
    int result = creates ? kafka_topic_create(&options, &wish, &report, error)
                         : kafka_topic_check(&options, &wish, &report, error);
    if (result == 0)
        print_report(output->topic, &wish, &report, creates && wish.principal);
    return result;
}

int topics_command(enum command command, const struct config *config, struct error *error) {
    struct progress progress = {0};
    struct failure failure;
    const struct topic_wish wish = {
        .partitions = config->topics.partitions,
        .replication_factor = config->topics.replication_factor,
        .config = (const char *const *)config->topics.config.items,
        .config_count = config->topics.config.count,
        .principal = config->topics.principal,
    };
    int result = kafka_check_outputs(config, error);
    if (result == 0)
        result = topic_wish_check(&wish, error);
    if (result < 0)
        return result;
    failure_init(&failure, &progress);
    for (size_t i = 0; i < config->output_count; i++)
        if (config_output_is_kafka(&config->outputs[i]) &&
            do_topic(command, config, &config->outputs[i], wish, error) < 0)
            failure_note(&failure, error);
    return failure_result(&failure, error);
}
