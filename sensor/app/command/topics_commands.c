#include "app/command/topics_commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/host/failure.h"
#include "app/plan/kafka_options.h"
#include "record/schema/schema.h"
#include "sink/kafka/kafka_admin.h"

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

/* Whether the records are nDPI's protocols. What is wrong with a schema, a start says. */
static bool is_dictionary(const struct output_config *output) {
    struct schema *schema;
    struct error reason;
    if (!output->schema || schema_load(output->schema, NULL, false, &schema, &reason) < 0)
        return false;
    bool is = schema->records == OF_PROTOCOL;
    schema_free(schema);
    return is;
}

/* A table that keeps the last record of each key for ever, whatever topics.config says of flows. `room`: for one more item
 * than that has. */
static void wish_compaction(struct topic_wish *wish, const char **room) {
    static const char policy[] = "cleanup.policy=";
    size_t count = 0;
    for (size_t i = 0; i < wish->config_count; i++)
        if (strncmp(wish->config[i], policy, sizeof policy - 1) != 0)
            room[count++] = wish->config[i];
    room[count++] = "cleanup.policy=compact";
    wish->config = room;
    wish->config_count = count;
}

static int do_topic(enum command command, const struct config *config, const struct output_config *output,
                    struct topic_wish wish, const char **room, struct error *error) {
    struct topic_report report;
    if (is_dictionary(output))
        wish_compaction(&wish, room);
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
    const char **room = calloc(wish.config_count + 1, sizeof *room);
    if (!room)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    failure_init(&failure, &progress);
    for (size_t i = 0; i < config->output_count; i++)
        if (config_output_is_kafka(&config->outputs[i]) &&
            do_topic(command, config, &config->outputs[i], wish, room, error) < 0)
            failure_note(&failure, error);
    free(room);
    return failure_result(&failure, error);
}
