/* The Kafka sink while the broker is away or the queue is full: what waits, how long, and what is given up. */
#include "sink/kafka/kafka_fixture.h"

#include <unistd.h>

#include "base/clock.h"

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

static void what_librdkafka_gives_back_waits_until_the_end(void **state) {
    (void)state;
    struct sink_options options = file_options("message.timeout.ms=300", NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    write_many(sink, 2);
    flush_badly(sink, SECOND, true, EX_UNAVAILABLE, "2 records not delivered");
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

static void write_large(void *sink, uint64_t seq) {
    static char body[100000];
    struct error error = {0};
    struct message message = example_message(body, sizeof body, seq);
    assert_int_equal(sink_kafka.write(sink, &message, &error), 0);
}

static void a_live_source_drops_when_queue_and_spool_are_full(void **state) {
    (void)state;
    struct sink_options options = live_options("queue.buffering.max.messages=2", NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    int64_t start = clock_monotonic();
    for (uint64_t seq = 0; seq < 100; seq++)
        write_large(sink, seq);
    assert_true(clock_monotonic() - start < SECOND);
    struct sink_statistics statistics = statistics_of(sink, 100);
    assert_int_equal(statistics.in_flight, 2);
    assert_in_range(statistics.spooled, 10, 42);
    assert_int_equal(statistics.dropped[SINK_DROP_queue_full], 98 - statistics.spooled);
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
    struct error error = {0};
    snprintf(bootstrap, sizeof bootstrap, "bootstrap.servers=127.0.0.1:1");
    options.delivery_limit = SECOND;
    deadline = clock_monotonic(); /* a signal: the look for the topic ends at once */
    int64_t start = deadline;
    void *sink = open_sink(&options);
    assert_true(clock_monotonic() - start < 3 * SECOND);
    deadline = 0;
    assert_true(write_one(sink, 0, &error) < 0);
    assert_int_equal(error.exit_code, EX_UNAVAILABLE);
    assert_non_null(strstr(error.text, "127.0.0.1:1"));
    assert_int_equal(statistics_of(sink, 1).dropped[SINK_DROP_undelivered], 1);
    sink_kafka.close(sink);
}

/* Its answer about the topic takes longer than the first looks wait for it. */
static void a_far_broker_gets_records(void **state) {
    (void)state;
    struct sink_options options = live_options(NULL, NULL);
    struct error error = {0};
    rd_kafka_mock_broker_set_rtt(cluster, BROKER, 300);
    void *sink = open_sink(&options);
    write_many(sink, 3);
    int64_t end = clock_monotonic() + ENOUGH;
    while (statistics_of(sink, 3).acknowledged < 3) {
        assert_true(clock_monotonic() < end);
        assert_int_equal(sink_kafka.poll(sink, &error), 0);
        usleep(1000);
    }
    sink_kafka.close(sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_CLUSTER(without_a_broker_flush_gives_up_within_its_limit),
        ON_CLUSTER(what_librdkafka_gives_back_waits_until_the_end),
        ON_CLUSTER(flush_does_not_linger),
        ON_CLUSTER(a_live_source_drops_when_queue_and_spool_are_full),
        ON_CLUSTER(reading_a_file_waits_for_room),
        ON_CLUSTER(reading_a_file_gives_up_without_progress),
        ON_CLUSTER(the_deadline_ends_every_wait),
        ON_CLUSTER(the_open_flows_of_a_live_source_wait_for_room_until_the_deadline),
        ON_CLUSTER(an_absent_broker_does_not_keep_from_starting),
        ON_CLUSTER(a_far_broker_gets_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
