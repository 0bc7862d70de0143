/* The Kafka sink against librdkafka's mock cluster, which is a real broker's protocol on loopback. */
#include "sink/sink.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sink/example_message.h"

enum { PRODUCE = 0 /* of Kafka's protocol */, BROKER = 1 };
static const int64_t SECOND = 1000000, ENOUGH = 20000000;

static rd_kafka_t *owner; /* of the cluster */
static rd_kafka_mock_cluster_t *cluster;
static char bootstrap[128];
static int64_t deadline;

static int64_t get_deadline(void) {
    return deadline;
}

static int start_cluster(void **state) {
    char reason[256];
    owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    cluster = rd_kafka_mock_cluster_new(owner, 1);
    rd_kafka_mock_topic_create(cluster, "flows", 1, 1);
    snprintf(bootstrap, sizeof bootstrap, "bootstrap.servers=%s", rd_kafka_mock_cluster_bootstraps(cluster));
    deadline = 0;
    (void)state;
    return 0;
}

static int stop_cluster(void **state) {
    (void)state;
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(owner);
    return 0;
}

/* A file's output to the cluster; up to two properties more. */
static struct sink_options file_options(const char *first, const char *second) {
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
        .wait_when_full = true,
        .delivery_limit = ENOUGH,
        .deadline = get_deadline,
    };
}

static struct sink_options live_options(const char *first, const char *second) {
    struct sink_options options = file_options(first, second);
    options.wait_when_full = false;
    return options;
}

static void *open_sink(const struct sink_options *options) {
    struct error error = {0};
    void *sink = NULL;
    if (sink_kafka.open(options, &sink, &error) < 0)
        fail_msg("%s", error.text);
    return sink;
}

static void refuse_open(const struct sink_options *options, int exit_code, const char *text) {
    struct error error = {0};
    void *sink = NULL;
    assert_true(sink_kafka.open(options, &sink, &error) < 0);
    assert_null(sink);
    assert_int_equal(error.exit_code, exit_code);
    if (!strstr(error.text, text))
        fail_msg("\"%s\" is not in: %s", text, error.text);
}

static int write_one(void *sink, uint64_t seq, struct error *error) {
    struct message message = example_message("record", 6, seq);
    return sink_kafka.write(sink, &message, error);
}

static void write_many(void *sink, uint64_t count) {
    struct error error = {0};
    for (uint64_t seq = 0; seq < count; seq++)
        if (write_one(sink, seq, &error) < 0)
            fail_msg("%s", error.text);
}

static struct sink_statistics statistics_of(void *sink, uint64_t handed_over) {
    struct sink_statistics statistics;
    sink_kafka.statistics(sink, &statistics);
    assert_int_equal(accounted(&statistics), handed_over);
    return statistics;
}

static void flush_well(void *sink) {
    struct error error = {0};
    if (sink_kafka.flush(sink, ENOUGH, true, &error) < 0)
        fail_msg("%s", error.text);
}

static void flush_badly(void *sink, int64_t limit, bool patient, int exit_code, const char *text) {
    struct error error = {0};
    assert_true(sink_kafka.flush(sink, limit, patient, &error) < 0);
    assert_int_equal(error.exit_code, exit_code);
    if (!strstr(error.text, text))
        fail_msg("\"%s\" is not in: %s", text, error.text);
}

/* The first message of the topic as a consumer sees it. */
static rd_kafka_message_t *consume_first(rd_kafka_t **consumer) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", strchr(bootstrap, '=') + 1, NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "test", NULL, 0);
    *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(partitions, "flows", 0)->offset = 0;
    rd_kafka_assign(*consumer, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(*consumer, 10000);
    assert_non_null(message);
    assert_int_equal(message->err, 0);
    return message;
}

static void assert_header(const rd_kafka_message_t *message, const char *name, const char *expected) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, name, &value, &size), 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
}

static void a_consumer_gets_key_headers_and_framed_body(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    void *sink = open_sink(&options);
    write_many(sink, 3);
    flush_well(sink);
    struct sink_statistics statistics = statistics_of(sink, 3);
    assert_int_equal(statistics.acknowledged, 3);
    assert_int_equal(statistics.bytes, 18);
    sink_kafka.close(sink);

    rd_kafka_t *consumer;
    rd_kafka_message_t *message = consume_first(&consumer);
    assert_int_equal(message->len, 11);
    assert_memory_equal(message->payload, "\0\0\0\0\7record", 11);
    assert_int_equal(message->key_len, 32);
    assert_memory_equal(message->key, "000102030405060708090a0b0c0d0e0f", 32);
    assert_header(message, "sensor_id", example_origin.sensor_id);
    assert_header(message, "boot_id", example_origin.boot_id);
    assert_header(message, "output", example_origin.output);
    assert_header(message, "feature_hash", example_origin.feature_hash);
    assert_header(message, "seq", "0");
    assert_header(message, "record_kind", "final");
    assert_header(message, "anon_key_id", "0123456789abcdef");
    rd_kafka_message_destroy(message);
    rd_kafka_destroy(consumer);
}

/* While the broker does not answer records are counted by bytes and age; then by how long they took. */
static void what_is_under_way_is_told(void **state) {
    (void)state;
    struct error error = {0};
    struct sink_options options = live_options("linger.ms=0", "queue.buffering.max.kbytes=2048");
    void *sink = open_sink(&options);
    struct sink_statistics statistics = statistics_of(sink, 0);
    assert_int_equal(statistics.queue_limit_bytes, 2048 * 1024);
    assert_int_equal(statistics.oldest_age, 0);
    rd_kafka_mock_broker_set_rtt(cluster, BROKER, 300);
    write_many(sink, 3);
    statistics = statistics_of(sink, 3);
    assert_int_equal(statistics.in_flight, 3);
    assert_int_equal(statistics.queue_bytes, 3 * (11 + 32)); /* framed bodies and keys */
    usleep(20000);                                           /* the least age that is expected */
    statistics = statistics_of(sink, 3);
    assert_in_range(statistics.oldest_age, 20000, 10 * SECOND);
    assert_int_equal(sink_kafka.flush(sink, ENOUGH, true, &error), 0);
    statistics = statistics_of(sink, 3);
    assert_int_equal(statistics.queue_bytes, 0);
    assert_int_equal(statistics.oldest_age, 0);
    uint64_t slow = 0;
    for (int bucket = 5; bucket <= DELAYS_BUCKETS; bucket++) /* above a tenth of a second */
        slow += statistics.delays.counts[bucket];
    assert_int_equal(slow, 3);
    assert_in_range(statistics.delays.sum, 3 * SECOND / 4, 60 * SECOND);
    assert_int_equal(statistics.errors, 0);
    sink_kafka.close(sink);
}

static void a_property_that_librdkafka_does_not_know_is_refused_in_its_words(void **state) {
    (void)state;
    struct sink_options options = file_options("lingr.ms=5", NULL);
    refuse_open(&options, EX_CONFIG, "No such configuration property: \"lingr.ms\"");
    /* An alias: librdkafka tells its own name for it. */
    options = file_options("linger.ms=soon", NULL);
    refuse_open(&options, EX_CONFIG, "Invalid value for configuration property \"queue.buffering.max.ms\"");
    options = file_options("acks=1", NULL);
    refuse_open(&options, EX_CONFIG, "idempotence");
}

static void a_property_without_a_name_is_refused_and_not_shown(void **state) {
    (void)state;
    struct error error;
    void *sink;
    struct sink_options options = file_options("s3cret", NULL);
    assert_true(sink_kafka.open(&options, &sink, &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.text, "name=value"));
    assert_null(strstr(error.text, "s3cret"));
    options = file_options("=x", NULL);
    refuse_open(&options, EX_CONFIG, "name=value");
}

static void an_output_without_broker_is_refused(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    options.kafka_count = 0;
    refuse_open(&options, EX_CONFIG, "bootstrap.servers");
}

static void a_missing_topic_is_refused(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    rd_kafka_mock_topic_set_error(cluster, "flows", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    refuse_open(&options, EX_CONFIG, "topic flows does not exist");
    rd_kafka_mock_topic_set_error(cluster, "flows", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    refuse_open(&options, EX_NOPERM, "no permission for topic flows");
}

/* Hands over one record that the producer's default limit of 1 MB doesn't allow. */
static void write_large(void *sink) {
    struct error error = {0};
    char *body = calloc(1, 1100000);
    struct message message = example_message(body, 1100000, 0);
    assert_int_equal(sink_kafka.write(sink, &message, &error), 0);
    free(body);
}

static void too_large_a_record_is_counted_and_the_others_go_on(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    void *sink = open_sink(&options);
    write_large(sink);
    write_many(sink, 2);
    flush_badly(sink, ENOUGH, true, EX_IOERR, "1 records were not taken");
    struct sink_statistics statistics = statistics_of(sink, 3);
    assert_int_equal(statistics.acknowledged, 2);
    assert_int_equal(statistics.dropped[SINK_DROP_too_large], 1);
    sink_kafka.close(sink);
}

static void a_live_source_ends_well_after_too_large_a_record(void **state) {
    (void)state;
    struct sink_options options = live_options(NULL, NULL);
    void *sink = open_sink(&options);
    write_large(sink);
    flush_well(sink);
    assert_int_equal(statistics_of(sink, 1).dropped[SINK_DROP_too_large], 1);
    sink_kafka.close(sink);
}

static void a_record_larger_than_the_queue_does_not_wait_for_room(void **state) {
    (void)state;
    struct sink_options options = file_options("queue.buffering.max.kbytes=1", NULL);
    char body[4000] = "";
    struct message message = example_message(body, sizeof body, 0);
    struct error error = {0};
    void *sink = open_sink(&options);
    assert_int_equal(sink_kafka.write(sink, &message, &error), 0);
    assert_int_equal(statistics_of(sink, 1).dropped[SINK_DROP_queue_full], 1);
    sink_kafka.close(sink);
}

static void what_the_broker_refuses_is_counted(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    write_many(sink, 2);
    flush_badly(sink, ENOUGH, true, EX_NOPERM, "allow Write on the topic");
    assert_int_equal(statistics_of(sink, 2).dropped[SINK_DROP_rejected], 2);
    sink_kafka.close(sink);
}

static void what_is_too_large_for_the_topic_is_counted(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    write_many(sink, 1);
    flush_badly(sink, ENOUGH, true, EX_IOERR, "max.message.bytes");
    assert_int_equal(statistics_of(sink, 1).dropped[SINK_DROP_too_large], 1);
    sink_kafka.close(sink);
}

static void without_a_broker_flush_gives_up_within_its_limit(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    write_many(sink, 5);
    int64_t start = clock_monotonic();
    flush_badly(sink, SECOND / 2, false, EX_UNAVAILABLE, "5 records not delivered");
    assert_true(clock_monotonic() - start < 3 * SECOND);
    assert_int_equal(statistics_of(sink, 5).dropped[SINK_DROP_undelivered], 5);
    sink_kafka.close(sink);
}

static void what_librdkafka_gave_up_is_told_at_the_end(void **state) {
    (void)state;
    struct sink_options options = file_options("message.timeout.ms=300", NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    write_many(sink, 2);
    flush_badly(sink, ENOUGH, true, EX_UNAVAILABLE, "2 records not delivered");
    assert_int_equal(statistics_of(sink, 2).dropped[SINK_DROP_undelivered], 2);
    sink_kafka.close(sink);
}

static void flush_does_not_linger(void **state) {
    (void)state;
    struct sink_options options = file_options("linger.ms=600000", NULL);
    void *sink = open_sink(&options);
    write_many(sink, 3);
    flush_well(sink);
    assert_int_equal(statistics_of(sink, 3).acknowledged, 3);
    sink_kafka.close(sink);
}

static void a_live_source_drops_when_the_queue_is_full(void **state) {
    (void)state;
    struct sink_options options = live_options("queue.buffering.max.messages=2", NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    int64_t start = clock_monotonic();
    write_many(sink, 5);
    assert_true(clock_monotonic() - start < SECOND);
    struct sink_statistics statistics = statistics_of(sink, 5);
    assert_int_equal(statistics.in_flight, 2);
    assert_int_equal(statistics.dropped[SINK_DROP_queue_full], 3);
    sink_kafka.close(sink);
}

static void reading_a_file_waits_for_room(void **state) {
    (void)state;
    struct sink_options options = file_options("queue.buffering.max.messages=2", "linger.ms=1");
    void *sink = open_sink(&options);
    write_many(sink, 50);
    flush_well(sink);
    assert_int_equal(statistics_of(sink, 50).acknowledged, 50);
    sink_kafka.close(sink);
}

static void reading_a_file_gives_up_without_progress(void **state) {
    (void)state;
    struct sink_options options = file_options("queue.buffering.max.messages=2", NULL);
    struct error error = {0};
    options.delivery_limit = SECOND / 2;
    void *sink = open_sink(&options);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    write_many(sink, 2);
    assert_true(write_one(sink, 2, &error) < 0);
    assert_int_equal(error.exit_code, EX_UNAVAILABLE);
    assert_int_equal(statistics_of(sink, 3).in_flight, 2);
    int64_t start = clock_monotonic();
    flush_badly(sink, 0, true, EX_UNAVAILABLE, "3 records not delivered");
    assert_true(clock_monotonic() - start < 2 * SECOND);
    assert_int_equal(statistics_of(sink, 3).dropped[SINK_DROP_undelivered], 3);
    sink_kafka.close(sink);
}

static void the_deadline_ends_every_wait(void **state) {
    (void)state;
    struct sink_options options = file_options("queue.buffering.max.messages=2", NULL);
    struct error error = {0};
    void *sink = open_sink(&options);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    write_many(sink, 2);
    int64_t start = clock_monotonic();
    deadline = start + SECOND / 2;
    assert_true(write_one(sink, 2, &error) < 0);
    assert_true(clock_monotonic() >= deadline);
    flush_badly(sink, ENOUGH, true, EX_UNAVAILABLE, "not delivered");
    assert_true(clock_monotonic() - start < 4 * SECOND);
    sink_kafka.close(sink);
}

static void the_open_flows_of_a_live_source_wait_for_room_until_the_deadline(void **state) {
    (void)state;
    struct sink_options options = live_options("queue.buffering.max.messages=2", "linger.ms=1");
    void *sink = open_sink(&options);
    deadline = clock_monotonic() + ENOUGH;
    write_many(sink, 50);
    flush_well(sink);
    assert_int_equal(statistics_of(sink, 50).acknowledged, 50);
    sink_kafka.close(sink);
}

static void an_absent_broker_does_not_keep_from_starting(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    snprintf(bootstrap, sizeof bootstrap, "bootstrap.servers=127.0.0.1:1");
    deadline = clock_monotonic(); /* a signal: the look for the topic ends at once */
    int64_t start = deadline;
    void *sink = open_sink(&options);
    assert_true(clock_monotonic() - start < 3 * SECOND);
    deadline = 0;
    write_many(sink, 1);
    flush_badly(sink, SECOND, true, EX_UNAVAILABLE, "127.0.0.1:1");
    assert_int_equal(statistics_of(sink, 1).dropped[SINK_DROP_undelivered], 1);
    sink_kafka.close(sink);
}

#define ON_CLUSTER(test) cmocka_unit_test_setup_teardown(test, start_cluster, stop_cluster)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_CLUSTER(a_consumer_gets_key_headers_and_framed_body),
        ON_CLUSTER(what_is_under_way_is_told),
        ON_CLUSTER(a_property_that_librdkafka_does_not_know_is_refused_in_its_words),
        ON_CLUSTER(a_property_without_a_name_is_refused_and_not_shown),
        ON_CLUSTER(an_output_without_broker_is_refused),
        ON_CLUSTER(a_missing_topic_is_refused),
        ON_CLUSTER(too_large_a_record_is_counted_and_the_others_go_on),
        ON_CLUSTER(a_live_source_ends_well_after_too_large_a_record),
        ON_CLUSTER(a_record_larger_than_the_queue_does_not_wait_for_room),
        ON_CLUSTER(what_the_broker_refuses_is_counted),
        ON_CLUSTER(what_is_too_large_for_the_topic_is_counted),
        ON_CLUSTER(without_a_broker_flush_gives_up_within_its_limit),
        ON_CLUSTER(what_librdkafka_gave_up_is_told_at_the_end),
        ON_CLUSTER(flush_does_not_linger),
        ON_CLUSTER(a_live_source_drops_when_the_queue_is_full),
        ON_CLUSTER(reading_a_file_waits_for_room),
        ON_CLUSTER(reading_a_file_gives_up_without_progress),
        ON_CLUSTER(the_deadline_ends_every_wait),
        ON_CLUSTER(the_open_flows_of_a_live_source_wait_for_room_until_the_deadline),
        ON_CLUSTER(an_absent_broker_does_not_keep_from_starting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
