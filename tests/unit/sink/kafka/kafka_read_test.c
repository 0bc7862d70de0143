/* Reading back what the Kafka sink wrote, from librdkafka's mock cluster. */
#include "sink/kafka/kafka_read.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sink/example_message.h"
#include "sink/kafka/kafka_admin.h"
#include "sink/kafka/kafka_header_set.h"

enum { PARTITIONS = 3, FETCH = 1 /* of Kafka's protocol */, BROKER = 1 };
static const int64_t SECOND = 1000000, ENOUGH = 20000000;

static rd_kafka_t *owner; /* of the cluster */
static rd_kafka_mock_cluster_t *cluster;
static char bootstrap[128];
static const char *properties[] = {bootstrap};

static int start_cluster(void **state) {
    char reason[256];
    (void)state;
    owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    cluster = rd_kafka_mock_cluster_new(owner, BROKER);
    rd_kafka_mock_topic_create(cluster, "flows", PARTITIONS, 1);
    snprintf(bootstrap, sizeof bootstrap, "bootstrap.servers=%s", rd_kafka_mock_cluster_bootstraps(cluster));
    return 0;
}

static int stop_cluster(void **state) {
    (void)state;
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(owner);
    return 0;
}

static struct sink_options options_with(int64_t limit) {
    return (struct sink_options){
        .output = "out",
        .topic = "flows",
        .kafka = properties,
        .kafka_count = 1,
        .framing = "confluent",
        .schema_id = 7,
        .origin = &example_origin,
        .headers = KAFKA_HEADERS_ALL,
        .wait_when_full = true,
        .delivery_limit = limit,
    };
}

/* Sends records 0 .. count-1; where the last one is. */
static struct sink_statistics send_records(uint64_t count) {
    struct sink_options options = options_with(ENOUGH);
    struct sink_statistics statistics;
    struct error error = {0};
    void *sink = NULL;
    int result = sink_kafka.open(&options, &sink, &error);
    for (uint64_t seq = 0; result == 0 && seq < count; seq++) {
        struct message message = example_message("record", 6, seq);
        result = sink_kafka.write(sink, &message, &error);
        if (result == 0)
            result = sink_kafka.flush(sink, ENOUGH, true, &error);
    }
    if (result < 0)
        fail_msg("%s", error.text);
    sink_kafka.statistics(sink, &statistics);
    sink_kafka.close(sink);
    assert_int_equal(statistics.acknowledged, count);
    return statistics;
}

static void exactly_the_message_of_the_delivery_report_comes_back(void **state) {
    (void)state;
    struct sink_statistics sent = send_records(3);
    struct sink_options options = options_with(ENOUGH);
    struct stored_message message;
    struct error error = {0};
    /* One key, one partition. */
    assert_int_equal(sent.last_offset, 2);
    for (int64_t offset = sent.last_offset; offset >= 0; offset--) {
        char seq[8];
        if (kafka_read(&options, sent.last_partition, offset, &message, &error) < 0)
            fail_msg("%s", error.text);
        snprintf(seq, sizeof seq, "%d", (int)offset);
        assert_string_equal(message.seq, seq);
        assert_string_equal(message.boot_id, example_origin.boot_id);
        assert_string_equal(message.sensor_id, example_origin.sensor_id);
        assert_string_equal(message.output, example_origin.output);
        assert_string_equal(message.key, "000102030405060708090a0b0c0d0e0f");
        assert_int_equal(message.length, 11);
        assert_memory_equal(message.value, "\0\0\0\0\7record", 11);
        stored_message_free(&message);
    }
}

static void refuse_read(int32_t partition, int64_t offset, int64_t limit, int exit_code, const char *text) {
    struct sink_options options = options_with(limit);
    struct stored_message message;
    struct error error = {0};
    assert_true(kafka_read(&options, partition, offset, &message, &error) < 0);
    assert_null(message.value);
    assert_int_equal(error.exit_code, exit_code);
    if (!strstr(error.text, text))
        fail_msg("\"%s\" is not in: %s", text, error.text);
}

static void another_message_is_not_taken_for_it(void **state) {
    (void)state;
    struct sink_statistics sent = send_records(1);
    refuse_read(sent.last_partition, 5, ENOUGH, EX_CONFIG, "can't be read back");
}

static void without_permission_the_line_says_which(void **state) {
    (void)state;
    struct sink_statistics sent = send_records(1);
    rd_kafka_mock_push_request_errors(cluster, FETCH, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    refuse_read(sent.last_partition, 0, ENOUGH, EX_NOPERM, "allow Read on the topic");
}

static void nobody_waits_beyond_the_limit(void **state) {
    (void)state;
    struct topic_report report;
    struct error error = {0};
    const struct topic_wish wish = {.partitions = PARTITIONS, .replication_factor = -1};
    struct sink_options options = options_with(SECOND / 2);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    int64_t start = clock_monotonic();
    refuse_read(0, 0, SECOND / 2, EX_UNAVAILABLE, "no broker answered within 0.5 s");
    assert_true(kafka_topic_check(&options, &wish, &report, &error) < 0);
    assert_int_equal(error.exit_code, EX_UNAVAILABLE);
    assert_true(kafka_topic_create(&options, &wish, &report, &error) < 0);
    assert_int_equal(error.exit_code, EX_UNAVAILABLE);
    assert_true(clock_monotonic() - start < 6 * SECOND);
}

static void a_wish_has_its_form(void **state) {
    (void)state;
    static const char *const configs[] = {"retention.ms", "=5", ""};
    static const char *const principals[] = {"flowsensor", ":flowsensor", "User:"};
    struct error error = {0};
    for (size_t i = 0; i < 3; i++) {
        struct topic_wish wish = {.config = &configs[i], .config_count = 1};
        assert_true(topic_wish_check(&wish, &error) < 0);
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_non_null(strstr(error.text, "topics.config"));
        wish = (struct topic_wish){.principal = principals[i]};
        assert_true(topic_wish_check(&wish, &error) < 0);
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_non_null(strstr(error.text, "topics.principal"));
    }
    static const char *const good[] = {"retention.ms=5", "cleanup.policy="};
    const struct topic_wish wish = {.config = good, .config_count = 2, .principal = "User:CN=a,O=b"};
    assert_int_equal(topic_wish_check(&wish, &error), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exactly_the_message_of_the_delivery_report_comes_back, start_cluster,
                                        stop_cluster),
        cmocka_unit_test_setup_teardown(another_message_is_not_taken_for_it, start_cluster, stop_cluster),
        cmocka_unit_test_setup_teardown(without_permission_the_line_says_which, start_cluster, stop_cluster),
        cmocka_unit_test_setup_teardown(nobody_waits_beyond_the_limit, start_cluster, stop_cluster),
        cmocka_unit_test(a_wish_has_its_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
