/* A Kafka sink whose properties come from files that change while it has records under way. */
#include "sink/kafka/kafka_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "scratch.h"

enum { LONG_MICROSECONDS = 15000000, STEP_MICROSECONDS = 2000 };

static char folder[SCRATCH_SIZE], path[64];

static void put(const char *content) {
    char fresh[80];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    assert_int_equal(rename(fresh, path), 0);
}

/* As the configuration does it: "name=${file:PATH}". */
static int expand(const char *written, char **value, struct error *reason) {
    char content[256] = "";
    FILE *file = fopen(path, "r");
    if (!file)
        return error_set(reason, ENOENT, EX_CONFIG, "no such file");
    size_t length = fread(content, 1, sizeof content - 1, file);
    fclose(file);
    content[length] = '\0';
    return asprintf(value, "%.*s%s", (int)(strchr(written, '=') + 1 - written), written, content) < 0
               ? -ENOMEM
               : 0;
}

static const char *written[2] = {NULL, "client.id=${file:PATH}"};

static struct sink_options watched(struct sink_options options) {
    options.kafka_written = written;
    options.expand = expand;
    return options;
}

static uint64_t renewals_of(const struct sink_statistics *statistics) {
    return statistics->renewals;
}

static uint64_t refusals_of(const struct sink_statistics *statistics) {
    return statistics->renewals_refused;
}

/* Writes on until a counter has that value; how many records there are then. */
static uint64_t write_until(void *sink, uint64_t seq, uint64_t (*counter)(const struct sink_statistics *),
                            uint64_t value) {
    struct error error = {0};
    struct sink_statistics statistics = {0};
    for (int64_t waited = 0; counter(&statistics) < value && waited < LONG_MICROSECONDS;
         waited += STEP_MICROSECONDS) {
        assert_int_equal(write_one(sink, seq++, &error), 0);
        assert_int_equal(sink_kafka.poll(sink, &error), 0);
        statistics = statistics_of(sink, seq);
        usleep(STEP_MICROSECONDS); /* the pace of the records */
    }
    assert_int_equal(counter(&statistics), value);
    return seq;
}

static void check_turnover(struct sink_options options) {
    void *sink;
    uint64_t seq = 0;
    put("first");
    options = watched(options);
    sink = open_sink(&options);
    for (uint64_t turn = 1; turn <= 3; turn++) {
        put(turn % 2 ? "second" : "third");
        seq = write_until(sink, seq, renewals_of, turn);
    }
    flush_well(sink);
    struct sink_statistics statistics = statistics_of(sink, seq);
    assert_int_equal(statistics.acknowledged, seq);
    assert_int_equal(statistics.possibly_duplicated, 0);
    assert_int_equal(statistics.renewals_refused, 0);
    sink_kafka.close(sink);
}

static void a_live_output_gets_a_new_producer_and_loses_nothing(void **state) {
    (void)state;
    check_turnover(live_options("client.id=first", NULL));
}

static void so_does_an_output_of_a_file(void **state) {
    (void)state;
    check_turnover(file_options("client.id=first", NULL));
}

static void what_cannot_be_read_is_counted_once_and_the_old_stays(void **state) {
    (void)state;
    put("first");
    struct sink_options options = watched(live_options("client.id=first", NULL));
    void *sink = open_sink(&options);
    put("");
    uint64_t seq = write_until(sink, 0, refusals_of, 1);
    unlink(path);
    seq = write_until(sink, seq, refusals_of, 2);
    put("first");
    flush_well(sink);
    struct sink_statistics statistics = statistics_of(sink, seq);
    assert_int_equal(statistics.acknowledged, seq);
    assert_int_equal(statistics.renewals, 0);
    assert_int_equal(statistics.renewals_refused, 2);
    sink_kafka.close(sink);
}

/* What the old producer can't deliver comes back from it, and goes to the new one. */
static void records_that_the_old_producer_keeps_are_sent_again(void **state) {
    (void)state;
    struct error error = {0};
    put("first");
    struct sink_options options = watched(live_options("client.id=first", NULL));
    void *sink = open_sink(&options);
    uint64_t seq = 0;
    assert_int_equal(write_one(sink, seq++, &error), 0);
    rd_kafka_mock_broker_push_request_error_rtts(cluster, BROKER, PRODUCE, 1, RD_KAFKA_RESP_ERR_NO_ERROR,
                                                 9000);
    put("second");
    seq = write_until(sink, seq, renewals_of, 1);
    flush_well(sink);
    struct sink_statistics statistics = statistics_of(sink, seq);
    assert_int_equal(statistics.acknowledged, seq);
    assert_true(statistics.possibly_duplicated > 0);
    sink_kafka.close(sink);
}

static void an_end_in_the_middle_leaves_nothing_behind(void **state) {
    (void)state;
    for (int64_t pause = 0; pause < 3000000; pause += 750000) {
        put("first");
        struct sink_options options = watched(live_options("client.id=first", NULL));
        void *sink = open_sink(&options);
        put("second");
        usleep((useconds_t)pause);
        write_many(sink, 10);
        flush_well(sink);
        assert_int_equal(statistics_of(sink, 10).acknowledged, 10);
        sink_kafka.close(sink);
    }
}

static int make_folder(void **state) {
    (void)state;
    if (!scratch_make(folder))
        return -1;
    snprintf(path, sizeof path, "%s/value", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    return scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_CLUSTER(a_live_output_gets_a_new_producer_and_loses_nothing),
        ON_CLUSTER(so_does_an_output_of_a_file),
        ON_CLUSTER(what_cannot_be_read_is_counted_once_and_the_old_stays),
        ON_CLUSTER(records_that_the_old_producer_keeps_are_sent_again),
        ON_CLUSTER(an_end_in_the_middle_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
