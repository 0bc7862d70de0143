/* What a Kafka output's next run knows of the records that it finds in the spool: which of them may have arrived. */
#include "sink/kafka/kafka_spool_fixture.h"

/* All is on disk, with a note that is not older than this call. */
static void wait_until_noted(struct kafka_sink *sink) {
    int64_t began = clock_monotonic();
    while (sink->released <= began || sink->drain_announced)
        serve(sink, 5000);
    assert_int_equal(spool_sync(sink->spool, ENOUGH), 0);
}

/* What a crash at this moment would leave: the spool's thread may write on meanwhile. */
static void copy_spool(const char *to) {
    char command[3 * SCRATCH_SIZE];
    snprintf(command, sizeof command, "cp -a %s/. %s", folder, to);
    assert_int_equal(system(command), 0);
}

/* A run over the copy sends what it finds: how many of these it counts as possibly duplicated. */
static uint64_t replay(const char *copy, uint64_t *found) {
    struct sink_options options = spool_options(true);
    struct message_origin next = example_origin;
    next.boot_id = "boot-2";
    options.origin = &next;
    options.spool.directory = copy;
    void *sink = open_sink(&options);
    int64_t end = clock_monotonic() + ENOUGH;
    while (statistics_of(sink, 0).acknowledged == 0 || statistics_of(sink, 0).spooled > 0) {
        assert_true(clock_monotonic() < end);
        serve(sink, 5000);
    }
    flush_well(sink);
    struct sink_statistics statistics = statistics_of(sink, 0);
    *found = statistics.found;
    sink_kafka.close(sink);
    return statistics.possibly_duplicated;
}

/* Those that were in memory when the broker went may have been on their way; the others were never sent. */
static void a_crash_in_an_outage_makes_few_records_doubtful(void **state) {
    (void)state;
    char copy[SCRATCH_SIZE];
    struct sink_options options = spool_options(true);
    void *sink = open_into_an_outage(&options);
    uint64_t held = spool_end(((struct kafka_sink *)sink)->spool);
    write_some(sink, 2 * RECORDS, 4 * RECORDS);
    wait_until_noted(sink);
    assert_non_null(scratch_make(copy));
    copy_spool(copy);
    assert_int_equal(sink_kafka.flush(sink, 0, false, &(struct error){0}), 0);
    sink_kafka.close(sink);
    rd_kafka_mock_broker_set_up(cluster, BROKER);
    uint64_t found, doubtful = replay(copy, &found);
    assert_int_equal(found, 3 * RECORDS);
    assert_true(doubtful > 0 && doubtful < held);
    assert_int_equal(consume(4 * RECORDS, PARTITIONS), 0);
    assert_int_equal(scratch_remove(copy), 0);
}

/* Some of what the crash left had arrived since the last note on disk. */
static void what_a_crash_sends_again_is_counted(void **state) {
    (void)state;
    char copy[SCRATCH_SIZE];
    struct sink_options options = spool_options(true);
    options.spool.drain_rate = 1000;
    void *sink = open_into_an_outage(&options);
    write_some(sink, 2 * RECORDS, 8 * RECORDS);
    wait_until_noted(sink);
    rd_kafka_mock_broker_set_up(cluster, BROKER);
    wait_for(sink, 2 * RECORDS + RECORDS / 2, 8 * RECORDS);
    uint64_t arrived = statistics_of(sink, 8 * RECORDS).acknowledged;
    assert_non_null(scratch_make(copy));
    copy_spool(copy);
    assert_int_equal(sink_kafka.flush(sink, 0, false, &(struct error){0}), 0);
    sink_kafka.close(sink);
    uint64_t found, doubtful = replay(copy, &found);
    assert_true(found + arrived > 8 * RECORDS); /* else nothing comes twice */
    assert_true(doubtful >= found + arrived - 8 * RECORDS);
    assert_int_equal(scratch_remove(copy), 0);
}

/* The last note of an end in order is exact. */
static void an_end_in_order_makes_no_record_doubtful(void **state) {
    (void)state;
    struct sink_options options = spool_options(true);
    void *sink = open_into_an_outage(&options);
    write_some(sink, 2 * RECORDS, 4 * RECORDS);
    assert_int_equal(sink_kafka.flush(sink, 0, false, &(struct error){0}), 0);
    uint64_t parked = statistics_of(sink, 4 * RECORDS).possibly_duplicated;
    sink_kafka.close(sink);
    rd_kafka_mock_broker_set_up(cluster, BROKER);
    uint64_t found;
    assert_int_equal(replay(folder, &found), 0);
    assert_int_equal(found, 3 * RECORDS);
    assert_true(consume(4 * RECORDS, PARTITIONS) <= parked);
}

/* A run without a registry left its records, and the next one has another schema. */
static uint64_t leave_without_id(void) {
    struct sink_options options = spool_options(true);
    options.schema_id = 0;
    options.schema_name = "flow/v1";
    options.schema_sha256 = "4567";
    void *sink = open_sink(&options);
    write_some(sink, 0, RECORDS);
    assert_int_equal(sink_kafka.flush(sink, 0, false, &(struct error){0}), 0);
    sink_kafka.close(sink);
    return RECORDS;
}

static struct sink_statistics find_them(const char *letters) {
    struct sink_options options = spool_options(true);
    struct message_origin next = example_origin;
    next.boot_id = "boot-2";
    options.origin = &next;
    options.dead_letters = letters;
    void *sink = open_sink(&options);
    int64_t end = clock_monotonic() + ENOUGH;
    while (statistics_of(sink, 0).found == 0 || statistics_of(sink, 0).spooled > 0) {
        assert_true(clock_monotonic() < end);
        serve(sink, 5000);
    }
    write_some(sink, 0, RECORDS); /* of this run: they go */
    wait_for(sink, RECORDS, RECORDS);
    struct sink_statistics statistics = statistics_of(sink, RECORDS);
    flush_well(sink);
    sink_kafka.close(sink);
    return statistics;
}

static void records_that_no_run_can_frame_are_dead_letters(void **state) {
    (void)state;
    char path[SCRATCH_SIZE + 16], line[1024];
    uint64_t left = leave_without_id(), lines = 0;
    snprintf(path, sizeof path, "%s/letters", folder);
    struct sink_statistics statistics = find_them(path);
    assert_int_equal(statistics.dead_lettered, left);
    assert_int_equal(statistics.dropped[SINK_DROP_unframed], 0);
    FILE *letters = fopen(path, "r");
    assert_non_null(letters);
    for (; fgets(line, sizeof line, letters); lines++) {
        assert_non_null(strstr(line, "id of schema flow/v1 (sha256 4567) was never known"));
        assert_non_null(strstr(line, "\"cmVjb3Jk")); /* "record" */
    }
    fclose(letters);
    assert_int_equal(lines, left);
    assert_int_equal(consume(RECORDS, PARTITIONS), 0);
}

static void without_a_file_they_are_dropped(void **state) {
    (void)state;
    uint64_t left = leave_without_id();
    struct sink_statistics statistics = find_them(NULL);
    assert_int_equal(statistics.dropped[SINK_DROP_unframed], left);
    assert_int_equal(statistics.dead_lettered, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_PARTITIONS(a_crash_in_an_outage_makes_few_records_doubtful),
        ON_PARTITIONS(what_a_crash_sends_again_is_counted),
        ON_PARTITIONS(records_that_no_run_can_frame_are_dead_letters),
        ON_PARTITIONS(without_a_file_they_are_dropped),
        ON_PARTITIONS(an_end_in_order_makes_no_record_doubtful),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
