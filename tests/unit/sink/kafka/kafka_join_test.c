/* A Kafka output that joins a run that goes on: what ends a start, the broker's word on its topic, makes its records wait, whenever it
 * comes. */
#include "sink/kafka/kafka_spool_fixture.h"

#include "logged.h"

enum { FEW = 6, LATE_MILLISECONDS = 150 /* open() doesn't wait for so long */ };

static char said[8192];

static size_t count_said(const char *words) {
    size_t count = 0;
    for (const char *at = said; (at = strstr(at, words)); at += strlen(words))
        count++;
    return count;
}

static void refuse_topic(rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(cluster, "flows", error);
}

static void wait_until_it_waits(void *sink) {
    int64_t end = clock_monotonic() + ENOUGH;
    while (sink_kafka.waiting_since(sink) == 0) {
        if (clock_monotonic() > end)
            fail_msg("the output doesn't say that its records wait");
        serve(sink, 5000);
    }
}

/* The topic is there some looks later. */
static void wait_for_topic(rd_kafka_resp_err_t refusal, int rtt) {
    struct logged logged;
    struct sink_options options = spool_options(false);
    options.joins = true;
    refuse_topic(refusal);
    rd_kafka_mock_broker_set_rtt(cluster, BROKER, rtt);
    logged_begin(&logged);
    void *sink = open_sink(&options);
    write_some(sink, 0, FEW);
    wait_until_it_waits(sink);
    serve(sink, SECOND * 6 / 5); /* another look, which says nothing */
    assert_int_equal(statistics_of(sink, FEW).spooled, FEW);
    refuse_topic(RD_KAFKA_RESP_ERR_NO_ERROR);
    wait_for(sink, FEW, FEW);
    logged_end(&logged, said, sizeof said);
    assert_true(sink_kafka.waiting_since(sink) == 0);
    sink_kafka.close(sink);
    assert_int_equal(count_said("its records wait, and are sent when that is done"), 1);
    assert_int_equal(count_said("topic flows: takes records after"), 1);
}

static void a_topic_that_does_not_exist_is_waited_for(void **state) {
    (void)state;
    wait_for_topic(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0);
    assert_int_equal(count_said("topic flows does not exist; create it"), 1);
}

static void it_makes_no_difference_that_the_broker_says_so_late(void **state) {
    (void)state;
    wait_for_topic(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, LATE_MILLISECONDS);
}

static void a_right_that_is_missing_is_waited_for(void **state) {
    (void)state;
    wait_for_topic(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
    assert_int_equal(count_said("no permission for topic flows; allow Describe and Write"), 1);
}

/* A start fails, at once or by its first look. */
static void a_start_ends_with_it(void **state) {
    (void)state;
    struct sink_options options = spool_options(false);
    struct error error = {0};
    void *sink = NULL;
    refuse_topic(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_true(sink_kafka.open(&options, &sink, &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
    rd_kafka_mock_broker_set_rtt(cluster, BROKER, LATE_MILLISECONDS);
    sink = open_sink(&options);
    int64_t end = clock_monotonic() + ENOUGH;
    while (sink_kafka.poll(sink, &error) == 0)
        assert_true(clock_monotonic() < end);
    assert_int_equal(error.exit_code, EX_CONFIG);
    sink_kafka.close(sink);
}

#define ON_PARTITIONS(test) cmocka_unit_test_setup_teardown(test, start_partitions, stop_partitions)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_PARTITIONS(a_topic_that_does_not_exist_is_waited_for),
        ON_PARTITIONS(it_makes_no_difference_that_the_broker_says_so_late),
        ON_PARTITIONS(a_right_that_is_missing_is_waited_for),
        ON_PARTITIONS(a_start_ends_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
