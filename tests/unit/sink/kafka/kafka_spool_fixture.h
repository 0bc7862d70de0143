/* A Kafka sink with a spool, on a mock cluster whose topic has three partitions. What arrived is read by a consumer. */
#pragma once

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "scratch.h"
#include "sink/kafka/kafka_fixture.h"
#include "sink/kafka/kafka_parts.h"

enum { RECORDS = 200, PARTITIONS = 3, MOST = 4096 };

static char folder[SCRATCH_SIZE];

static inline struct sink_options spool_options(bool on_disk) {
    struct sink_options options = live_options("linger.ms=5", NULL);
    options.spool.directory = on_disk ? folder : NULL;
    options.spool.size = 64 << 20;
    return options;
}

/* Each record's key is its own, so the partitions get equally many. */
static inline void write_some(void *sink, uint64_t from, uint64_t to) {
    struct error error = {0};
    for (uint64_t seq = from; seq < to; seq++) {
        char body[32], key[33];
        snprintf(body, sizeof body, "record %" PRIu64, seq);
        snprintf(key, sizeof key, "%032" PRIx64, seq * 2654435761u);
        struct message message = example_message(body, strlen(body), seq);
        message.key = key;
        if (sink_kafka.write(sink, &message, &error) < 0)
            fail_msg("%s", error.text);
    }
}

static inline void serve(void *sink, int64_t microseconds) {
    struct error error = {0};
    int64_t end = clock_monotonic() + microseconds;
    while (clock_monotonic() < end) {
        assert_int_equal(sink_kafka.poll(sink, &error), 0);
        usleep(2000);
    }
}

static inline void wait_until_all_are(enum kafka_lane_state state, struct kafka_sink *sink) {
    int64_t end = clock_monotonic() + ENOUGH;
    for (size_t i = 0; i < PARTITIONS; i++)
        while (sink->lanes[i].state != state) {
            if (clock_monotonic() > end)
                fail_msg("partition %zu is in state %d", i, sink->lanes[i].state);
            serve(sink, 5000);
        }
}

static inline void wait_for(void *sink, uint64_t acknowledged, uint64_t handed_over) {
    int64_t end = clock_monotonic() + ENOUGH;
    while (statistics_of(sink, handed_over).acknowledged < acknowledged) {
        if (clock_monotonic() > end)
            fail_msg("%" PRIu64 " of %" PRIu64 " acknowledged", statistics_of(sink, handed_over).acknowledged,
                     acknowledged);
        serve(sink, 5000);
    }
}

/* A sink that had RECORDS acknowledged, and got as many more after its broker went: all partitions are held. */
static inline void *open_into_an_outage(const struct sink_options *options) {
    void *sink = open_sink(options);
    write_some(sink, 0, RECORDS);
    wait_for(sink, RECORDS, RECORDS);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    write_some(sink, RECORDS, 2 * RECORDS);
    wait_until_all_are(KAFKA_HELD, sink);
    return sink;
}

/* Reads `count` records: each once, and, if `in_order`, those of a partition in order. How many were not new is returned. */
static inline uint64_t consume_all(uint64_t count, int partitions, bool in_order) {
    char reason[256];
    bool seen[MOST] = {false};
    int64_t last[PARTITIONS] = {-1, -1, -1};
    uint64_t twice = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", strchr(bootstrap, '=') + 1, NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "test", NULL, 0);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, "flows", i)->offset = 0;
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    for (uint64_t i = 0; i < count + twice; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 10000);
        assert_non_null(message);
        assert_int_equal(message->err, 0);
        assert_memory_equal(message->payload, "\0\0\0\0\7", 5); /* the schema's id */
        int64_t seq = strtoll((const char *)message->payload + strlen("     record "), NULL, 10);
        assert_true(seq >= 0 && seq < MOST);
        twice += seen[seq];
        assert_true(seen[seq] || !in_order || seq > last[message->partition]);
        seen[seq] = true;
        last[message->partition] = seq;
        rd_kafka_message_destroy(message);
    }
    rd_kafka_destroy(consumer);
    return twice;
}

static inline uint64_t consume(uint64_t count, int partitions) {
    return consume_all(count, partitions, true);
}

/* A batch was refused: those under way behind it, if there are any, arrive before it is sent again. */
static inline uint64_t consume_after_refusal(uint64_t count, int partitions) {
    return consume_all(count, partitions, false);
}

static inline int start_partitions(void **state) {
    start_cluster(state);
    rd_kafka_mock_cluster_destroy(cluster);
    cluster = rd_kafka_mock_cluster_new(owner, 1);
    rd_kafka_mock_topic_create(cluster, "flows", PARTITIONS, 1);
    snprintf(bootstrap, sizeof bootstrap, "bootstrap.servers=%s", rd_kafka_mock_cluster_bootstraps(cluster));
    return scratch_make(folder) ? 0 : -1;
}

static inline int stop_partitions(void **state) {
    return scratch_remove(folder) | stop_cluster(state);
}

#define ON_PARTITIONS(test) cmocka_unit_test_setup_teardown(test, start_partitions, stop_partitions)
