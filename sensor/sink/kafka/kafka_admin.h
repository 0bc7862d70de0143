/* Topics of Kafka outputs, as `flowsensor topics` makes and checks them. Called by the main thread, outside a run. Of
 * struct sink_options only output, topic, kafka, kafka_count and delivery_limit are used. No call takes longer than that
 * limit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

/* What a topic is to be like. */
struct topic_wish {
    int64_t partitions;
    int64_t replication_factor; /* -1: what the broker's default is */
    const char *const *config;  /* "name=value" */
    size_t config_count;
    const char *
        principal; /* who may describe and write it, from any host: "User:flowsensor"; NULL: nobody is named */
    bool readable; /* and read it */
};

/* What it is like. */
struct topic_report {
    bool created; /* by this call */
    int partitions, replication_factor;
    char differences[512]; /* from the wish: "partitions 3, not 12; ..."; "": none */
};

/* EX_CONFIG with the option's name if `config` or `principal` have the wrong form. To be called before those below. */
int topic_wish_check(const struct topic_wish *wish, struct error *error);

/* Compares; changes nothing. EX_CONFIG: the topic doesn't exist, or no record could be acknowledged there (a partition
 * without a leader, fewer replicas than min.insync.replicas); EX_NOPERM: forbidden; EX_UNAVAILABLE: no answer. A
 * difference is no failure. */
int kafka_topic_check(const struct sink_options *options, const struct topic_wish *wish,
                      struct topic_report *report, struct error *error);

/* The same, but creates the topic if it doesn't exist, and the principal's permissions (Describe, Write and, if
 * wished, Read on the topic, IdempotentWrite on the cluster). What exists is left as it is, so a second
 * call changes nothing. */
int kafka_topic_create(const struct sink_options *options, const struct topic_wish *wish,
                       struct topic_report *report, struct error *error);
