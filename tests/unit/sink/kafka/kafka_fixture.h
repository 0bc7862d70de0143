/* A Kafka sink on librdkafka's mock cluster, which speaks a real broker's protocol on loopback. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sink/example_message.h"
#include "sink/kafka/kafka_header_set.h"
#include "sink/sink.h"

enum { PRODUCE = 0 /* of Kafka's protocol */, BROKER = 1 };
static const int64_t SECOND = 1000000, ENOUGH = 20000000;

static rd_kafka_t *owner; /* of the cluster */
static rd_kafka_mock_cluster_t *cluster;
static char bootstrap[128];
static int64_t deadline;

static inline int64_t get_deadline(const void *context) {
    (void)context;
    return deadline;
}

static inline int start_cluster(void **state) {
    char reason[256];
    owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    cluster = rd_kafka_mock_cluster_new(owner, 1);
    rd_kafka_mock_topic_create(cluster, "flows", 1, 1);
    snprintf(bootstrap, sizeof bootstrap, "bootstrap.servers=%s", rd_kafka_mock_cluster_bootstraps(cluster));
    deadline = 0;
    (void)state;
    return 0;
}

static inline int stop_cluster(void **state) {
    (void)state;
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(owner);
    return 0;
}

/* A file's output to the cluster; up to two properties more. */
static inline struct sink_options file_options(const char *first, const char *second) {
    static const char *properties[3];
    properties[0] = bootstrap;
    properties[1] = first;
    properties[2] = second;
    return (struct sink_options){
        .output = "out",
        .topic = "flows",
        .kafka = properties,
        .kafka_count = second  ? 3
                       : first ? 2
                               : 1,
        .framing = "confluent",
        .schema_id = 7,
        .origin = &example_origin,
        .headers = KAFKA_HEADERS_ALL,
        .wait_when_full = true,
        .delivery_limit = ENOUGH,
        .deadline = get_deadline,
    };
}

static inline struct sink_options live_options(const char *first, const char *second) {
    struct sink_options options = file_options(first, second);
    options.wait_when_full = false;
    options.schema_name = "flow/v2";
    options.schema_sha256 = "0123";
    options.schema_text = "{}";
    options.spool.size = 4 << 20;
    options.spool.drain_rate = 100000;
    return options;
}

static inline void *open_sink(const struct sink_options *options) {
    struct error error = {0};
    void *sink = NULL;
    if (sink_kafka.open(options, &sink, &error) < 0)
        fail_msg("%s", error.text);
    return sink;
}

static inline int write_one(void *sink, uint64_t seq, struct error *error) {
    struct message message = example_message("record", 6, seq);
    return sink_kafka.write(sink, &message, error);
}

static inline void write_many(void *sink, uint64_t count) {
    struct error error = {0};
    for (uint64_t seq = 0; seq < count; seq++)
        if (write_one(sink, seq, &error) < 0)
            fail_msg("%s", error.text);
}

static inline struct sink_statistics statistics_of(void *sink, uint64_t handed_over) {
    struct sink_statistics statistics;
    sink_kafka.statistics(sink, &statistics);
    assert_int_equal(accounted(&statistics), handed_over);
    return statistics;
}

static inline void flush_well(void *sink) {
    struct error error = {0};
    if (sink_kafka.flush(sink, ENOUGH, true, &error) < 0)
        fail_msg("%s", error.text);
}

static inline void flush_badly(void *sink, int64_t limit, bool patient, int exit_code, const char *text) {
    struct error error = {0};
    assert_true(sink_kafka.flush(sink, limit, patient, &error) < 0);
    assert_int_equal(error.exit_code, exit_code);
    if (!strstr(error.text, text))
        fail_msg("\"%s\" is not in: %s", text, error.text);
}

#define ON_CLUSTER(test) cmocka_unit_test_setup_teardown(test, start_cluster, stop_cluster)
