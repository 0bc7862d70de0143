/* The Kafka sink where its broker, topic or a partition can't take records: live they wait in the spool, and none is lost, sent
 * twice or out of order. What arrived is read by a consumer. */
#include "sink/kafka/kafka_spool_fixture.h"

static void survive_an_outage(bool on_disk) {
    struct sink_options options = spool_options(on_disk);
    void *sink = open_into_an_outage(&options);
    write_some(sink, 2 * RECORDS, 3 * RECORDS);
    struct sink_statistics statistics = statistics_of(sink, 3 * RECORDS);
    assert_true(statistics.spooled >= RECORDS);
    assert_int_equal(statistics.spooled + statistics.in_flight, 2 * RECORDS);
    rd_kafka_mock_broker_set_up(cluster, BROKER);
    int64_t back = clock_monotonic();
    wait_for(sink, RECORDS + 1, 3 * RECORDS);
    assert_true(clock_monotonic() - back < 2 * SECOND);
    write_some(sink, 3 * RECORDS, 4 * RECORDS);
    wait_for(sink, 4 * RECORDS, 4 * RECORDS);
    assert_int_equal(statistics_of(sink, 4 * RECORDS).spooled, 0);
    wait_until_all_are(KAFKA_FLOWS, sink);
    write_some(sink, 4 * RECORDS, 5 * RECORDS); /* not by way of the spool any more */
    assert_int_equal(statistics_of(sink, 5 * RECORDS).spooled, 0);
    flush_well(sink);
    sink_kafka.close(sink);
    assert_int_equal(consume(5 * RECORDS, PARTITIONS), 0);
}

static void an_outage_costs_nothing_with_a_spool_in_memory(void **state) {
    (void)state;
    survive_an_outage(false);
}

static void an_outage_costs_nothing_with_a_spool_on_disk(void **state) {
    (void)state;
    survive_an_outage(true);
}

/* What was in memory goes to the spool behind records that came later, and is not read there while it is in memory. */
static void an_outage_after_the_memory_was_full_sends_nothing_twice(void **state) {
    (void)state;
    struct sink_options options = live_options("linger.ms=5", "queue.buffering.max.messages=60");
    options.spool.directory = folder;
    options.spool.size = 64 << 20;
    void *sink = open_sink(&options);
    write_some(sink, 0, 1);
    wait_for(sink, 1, 1);
    rd_kafka_mock_broker_set_down(cluster, BROKER);
    write_some(sink, 1, RECORDS);
    assert_true(statistics_of(sink, RECORDS).spooled > 0);
    serve(sink, SECOND);
    rd_kafka_mock_broker_set_up(cluster, BROKER);
    wait_for(sink, RECORDS, RECORDS);
    flush_well(sink);
    assert_int_equal(statistics_of(sink, RECORDS).acknowledged, RECORDS);
    sink_kafka.close(sink);
    assert_int_equal(consume(RECORDS, PARTITIONS), 0);
}

static void refuse_and_take_again(rd_kafka_resp_err_t code, uint64_t possibly_twice) {
    struct sink_options options = spool_options(true);
    void *sink = open_sink(&options);
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 5, code, code, code, code, code);
    write_some(sink, 0, RECORDS);
    serve(sink, SECOND / 4);
    write_some(sink, RECORDS, 2 * RECORDS);
    wait_for(sink, 2 * RECORDS, 2 * RECORDS);
    flush_well(sink);
    assert_true(statistics_of(sink, 2 * RECORDS).possibly_duplicated <= possibly_twice);
    sink_kafka.close(sink);
    assert_true(consume_after_refusal(2 * RECORDS, PARTITIONS) <= possibly_twice);
}

static void a_deleted_topic_is_waited_for(void **state) {
    (void)state;
    refuse_and_take_again(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0);
}

static void a_revoked_right_is_waited_for(void **state) {
    (void)state;
    refuse_and_take_again(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
}

static void missing_replicas_are_waited_for(void **state) {
    (void)state;
    refuse_and_take_again(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 0);
}

static void a_fatal_error_makes_a_fresh_producer(void **state) {
    (void)state;
    refuse_and_take_again(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 2 * RECORDS);
    refuse_and_take_again(RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 2 * RECORDS);
}

static void a_batch_that_is_too_large_is_cut(void **state) {
    (void)state;
    struct sink_options options = spool_options(true);
    void *sink = open_sink(&options);
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 3, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    write_some(sink, 0, RECORDS);
    wait_for(sink, RECORDS, RECORDS);
    flush_well(sink);
    sink_kafka.close(sink);
    assert_int_equal(consume_after_refusal(RECORDS, PARTITIONS), 0);
}

static void one_partition_without_a_leader_holds_no_other(void **state) {
    (void)state;
    struct sink_options options = spool_options(true);
    void *sink = open_sink(&options);
    write_some(sink, 0, RECORDS);
    wait_for(sink, RECORDS, RECORDS);
    rd_kafka_mock_partition_set_leader(cluster, "flows", 1, -1);
    for (uint64_t i = 0; i < 8; i++) {
        write_some(sink, RECORDS + i * RECORDS / 4, RECORDS + (i + 1) * RECORDS / 4);
        serve(sink, SECOND / 4);
    }
    struct sink_statistics statistics = statistics_of(sink, 3 * RECORDS);
    assert_true(statistics.acknowledged >
                RECORDS + RECORDS); /* two thirds of 2 * RECORDS, and a bit of luck */
    assert_true(statistics.spooled > RECORDS / 4);
    rd_kafka_mock_partition_set_leader(cluster, "flows", 1, BROKER);
    wait_for(sink, 3 * RECORDS, 3 * RECORDS);
    flush_well(sink);
    sink_kafka.close(sink);
    assert_int_equal(consume(3 * RECORDS, PARTITIONS), 0);
}

/* As an acknowledgement does. */
static void let_drain(struct kafka_sink *sink, size_t lane) {
    assert_true(kafka_lane_acknowledged(&sink->lanes[lane], clock_monotonic()));
    kafka_drains(sink, &sink->lanes[lane]);
}

/* Each goes back to its own first record, though the next one begins before the disk has answered the one before. */
static void partitions_drain_one_soon_after_the_other(void **state) {
    (void)state;
    struct sink_options options = spool_options(true);
    void *sink = open_sink(&options);
    write_some(sink, 0, RECORDS);
    wait_for(sink, RECORDS, RECORDS);
    struct kafka_sink *parts = sink;
    for (size_t i = 0; i < PARTITIONS; i++) {
        kafka_hold(parts, &parts->lanes[i], 0);
        parts->lanes[i].retry = INT64_MAX; /* when the test says so */
        write_some(sink, (i + 1) * RECORDS, (i + 2) * RECORDS);
        while (statistics_of(sink, (i + 2) * RECORDS).in_flight > 0)
            serve(sink, 5000);
    }
    let_drain(parts, PARTITIONS - 1);
    serve(sink, SECOND / 4); /* the disk's thread reads for this one, beyond the others' records */
    assert_int_equal(parts->lanes[PARTITIONS - 1].state, KAFKA_FLOWS);
    for (size_t i = 0; i < PARTITIONS - 1; i++) {
        let_drain(parts, i);
        kafka_drain(parts, 1);
    }
    wait_for(sink, (1 + PARTITIONS) * RECORDS, (1 + PARTITIONS) * RECORDS);
    flush_well(sink);
    sink_kafka.close(sink);
    assert_int_equal(consume((1 + PARTITIONS) * RECORDS, PARTITIONS), 0);
}

static void the_next_run_sends_what_the_last_one_left(void **state) {
    (void)state;
    struct sink_options options = spool_options(true);
    void *sink = open_into_an_outage(&options);
    write_some(sink, 2 * RECORDS, 3 * RECORDS);
    struct error error = {0};
    assert_int_equal(sink_kafka.flush(sink, SECOND, false, &error), 0);
    struct sink_statistics statistics = statistics_of(sink, 3 * RECORDS);
    assert_int_equal(statistics.spooled, 2 * RECORDS);
    assert_int_equal(statistics.in_flight, 0);
    sink_kafka.close(sink);

    struct message_origin next = example_origin;
    next.boot_id = "boot-2";
    options.origin = &next;
    rd_kafka_mock_broker_set_up(cluster, BROKER);
    sink = open_sink(&options);
    wait_for(sink, 2 * RECORDS, 0);
    assert_int_equal(statistics_of(sink, 0).found, 2 * RECORDS);
    write_some(sink, 3 * RECORDS, 4 * RECORDS);
    wait_for(sink, 3 * RECORDS, RECORDS);
    flush_well(sink);
    sink_kafka.close(sink);
    assert_int_equal(consume(4 * RECORDS, PARTITIONS), 0);
}

static void wait_for_the_id(bool on_disk) {
    struct sink_options options = spool_options(on_disk);
    options.schema_id = 0;
    void *sink = open_sink(&options);
    write_some(sink, 0, RECORDS);
    serve(sink, SECOND / 2);
    assert_int_equal(statistics_of(sink, RECORDS).spooled, RECORDS);
    assert_int_equal(sink_kafka.waiting_since(sink), 0); /* not for the broker */
    sink_kafka.set_schema_id(sink, 7);
    write_some(sink, RECORDS, 2 * RECORDS);
    wait_for(sink, 2 * RECORDS, 2 * RECORDS);
    flush_well(sink);
    sink_kafka.close(sink);
    assert_int_equal(consume(2 * RECORDS, PARTITIONS), 0);
}

static void records_wait_on_disk_for_the_schemas_id(void **state) {
    (void)state;
    wait_for_the_id(true);
}

static void records_wait_in_memory_for_the_schemas_id(void **state) {
    (void)state;
    wait_for_the_id(false);
}

/* Until the registry is restored, and over a restart. */
static void records_wait_while_the_schemas_id_is_contradicted(void **state) {
    (void)state;
    struct sink_options options = spool_options(true);
    void *sink = open_sink(&options);
    write_some(sink, 0, RECORDS);
    wait_for(sink, RECORDS, RECORDS);
    sink_kafka.set_schema_id(sink, 0);
    write_some(sink, RECORDS, 2 * RECORDS);
    serve(sink, SECOND / 2);
    assert_int_equal(statistics_of(sink, 2 * RECORDS).spooled, RECORDS);
    sink_kafka.set_schema_id(sink, 7);
    wait_for(sink, 2 * RECORDS, 2 * RECORDS);
    sink_kafka.set_schema_id(sink, 0);
    write_some(sink, 2 * RECORDS, 3 * RECORDS);
    int64_t began = clock_monotonic();
    flush_well(sink);
    assert_true(clock_monotonic() - began < 5 * SECOND); /* the disk keeps them */
    assert_int_equal(statistics_of(sink, 3 * RECORDS).spooled, RECORDS);
    sink_kafka.close(sink);
    sink = open_sink(&options);
    wait_for(sink, RECORDS, 0);
    flush_well(sink);
    sink_kafka.close(sink);
    assert_int_equal(consume(3 * RECORDS, PARTITIONS), 0);
}

static void records_in_memory_whose_id_is_never_told_are_dropped_at_the_end(void **state) {
    (void)state;
    struct sink_options options = spool_options(false);
    options.schema_id = 0;
    void *sink = open_sink(&options);
    write_some(sink, 0, RECORDS);
    int64_t began = clock_monotonic();
    flush_badly(sink, ENOUGH, false, EX_UNAVAILABLE, "200 records are dropped (unframed)");
    assert_true(clock_monotonic() - began < 5 * SECOND);
    assert_int_equal(statistics_of(sink, RECORDS).dropped[SINK_DROP_unframed], RECORDS);
    sink_kafka.close(sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_PARTITIONS(an_outage_costs_nothing_with_a_spool_in_memory),
        ON_PARTITIONS(an_outage_costs_nothing_with_a_spool_on_disk),
        ON_PARTITIONS(an_outage_after_the_memory_was_full_sends_nothing_twice),
        ON_PARTITIONS(a_deleted_topic_is_waited_for),
        ON_PARTITIONS(a_revoked_right_is_waited_for),
        ON_PARTITIONS(missing_replicas_are_waited_for),
        ON_PARTITIONS(a_fatal_error_makes_a_fresh_producer),
        ON_PARTITIONS(a_batch_that_is_too_large_is_cut),
        ON_PARTITIONS(one_partition_without_a_leader_holds_no_other),
        ON_PARTITIONS(partitions_drain_one_soon_after_the_other),
        ON_PARTITIONS(the_next_run_sends_what_the_last_one_left),
        ON_PARTITIONS(records_wait_on_disk_for_the_schemas_id),
        ON_PARTITIONS(records_wait_in_memory_for_the_schemas_id),
        ON_PARTITIONS(records_wait_while_the_schemas_id_is_contradicted),
        ON_PARTITIONS(records_in_memory_whose_id_is_never_told_are_dropped_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
