/* The Kafka sink: what a consumer gets, and the records that are refused. */
#include "sink/kafka/kafka_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "scratch.h"

static rd_kafka_message_t *consume_next(rd_kafka_t *consumer) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 10000);
    assert_non_null(message);
    assert_int_equal(message->err, 0);
    return message;
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
    return consume_next(*consumer);
}

static void assert_header(const rd_kafka_message_t *message, const char *name, const char *expected) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, name, &value, &size), 0);
    if (!expected) {
        assert_null(value);
        return;
    }
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
}

/* The names in their order, each with a blank before it; "" if there is no list. */
static void assert_header_names(const rd_kafka_message_t *message, const char *expected) {
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t size;
    char found[256] = "";
    rd_kafka_message_headers(message, &headers);
    for (size_t i = 0; headers && rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), " %s", name);
    assert_string_equal(found, expected);
}

/* These and no others. */
static void assert_headers(const rd_kafka_message_t *message, const char *seq, const char *record_kind,
                           const char *anon_key_id) {
    rd_kafka_headers_t *headers;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_cnt(headers), 7);
    assert_header(message, "sensor_id", example_origin.sensor_id);
    assert_header(message, "boot_id", example_origin.boot_id);
    assert_header(message, "output", example_origin.output);
    assert_header(message, "feature_hash", example_origin.feature_hash);
    assert_header(message, "seq", seq);
    assert_header(message, "record_kind", record_kind);
    assert_header(message, "anon_key_id", anon_key_id);
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
    assert_headers(message, "0", "final", "0123456789abcdef");
    rd_kafka_message_destroy(message);
    rd_kafka_destroy(consumer);
}

/* Each record is delivered before the next one is made, which so gets its headers. */
static void headers_have_nothing_of_an_earlier_record(void **state) {
    (void)state;
    static const struct {
        uint64_t seq;
        const char *seq_text, *record_kind, *anon_key_id;
    } records[] = {{9, "9", "final", "0123456789abcdef"},
                   {10, "10", "early", NULL},
                   {11, "11", "early", "fedcba9876543210"},
                   {INT64_MAX, "9223372036854775807", "final", "0123456789abcdef"}};
    struct sink_options options = file_options(NULL, NULL);
    struct error error = {0};
    void *sink = open_sink(&options);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct message message = example_message("record", 6, records[i].seq);
        message.record_kind = records[i].record_kind;
        snprintf(message.anon_key_id, sizeof message.anon_key_id, "%s",
                 records[i].anon_key_id ? records[i].anon_key_id : "");
        assert_int_equal(sink_kafka.write(sink, &message, &error), 0);
        flush_well(sink);
    }
    sink_kafka.close(sink);
    rd_kafka_t *consumer;
    rd_kafka_message_t *message = consume_first(&consumer);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        assert_headers(message, records[i].seq_text, records[i].record_kind, records[i].anon_key_id);
        rd_kafka_message_destroy(message);
        message = i + 1 < sizeof records / sizeof *records ? consume_next(consumer) : NULL;
    }
    rd_kafka_destroy(consumer);
}

/* Two records, delivered one after the other, so that the second one gets what the first one had. */
static void send_two(unsigned headers, const struct message_origin *origin) {
    struct sink_options options = file_options(NULL, NULL);
    struct error error = {0};
    options.headers = headers;
    options.origin = origin;
    void *sink = open_sink(&options);
    for (uint64_t seq = 0; seq < 2; seq++) {
        assert_int_equal(write_one(sink, seq, &error), 0);
        flush_well(sink);
    }
    sink_kafka.close(sink);
}

static void records_have_the_chosen_headers_alone(void **state) {
    (void)state;
    static const struct message_origin made_up = {"sensor-1", "boot-1", "flows", "hash", true};
    static const struct {
        unsigned chosen;
        const struct message_origin *origin;
        const char *names;
    } cases[] = {
        {1u << KAFKA_HEADER_boot_id | 1u << KAFKA_HEADER_seq, &example_origin, " boot_id seq"},
        {1u << KAFKA_HEADER_sensor_id | 1u << KAFKA_HEADER_feature_hash, &example_origin,
         " sensor_id feature_hash"},
        {1u << KAFKA_HEADER_output | 1u << KAFKA_HEADER_record_kind, &example_origin, " output record_kind"},
        {1u << KAFKA_HEADER_anon_key_id, &example_origin, " anon_key_id"},
        {KAFKA_HEADERS_ALL, &example_origin,
         " sensor_id boot_id output feature_hash record_kind anon_key_id seq"},
        {0, &example_origin, ""},
        {0, &made_up, " verify"},
        {1u << KAFKA_HEADER_boot_id | 1u << KAFKA_HEADER_seq, &made_up, " boot_id verify seq"},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    for (size_t i = 0; i < CASES; i++)
        send_two(cases[i].chosen, cases[i].origin);
    rd_kafka_t *consumer;
    rd_kafka_message_t *message = consume_first(&consumer);
    for (size_t i = 0; i < 2 * (size_t)CASES; i++) {
        assert_header_names(message, cases[i / 2].names);
        if (cases[i / 2].chosen & 1u << KAFKA_HEADER_seq)
            assert_header(message, "seq", i % 2 == 0 ? "0" : "1");
        rd_kafka_message_destroy(message);
        message = i + 1 < 2 * (size_t)CASES ? consume_next(consumer) : NULL;
    }
    rd_kafka_destroy(consumer);
}

/* What could not be handed over gives its headers back, also where there are none. */
static void a_record_that_finds_no_room_leaves_the_headers_whole(void **state) {
    (void)state;
    static const unsigned chosen[] = {0, KAFKA_HEADERS_ALL};
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        struct sink_options options = file_options("queue.buffering.max.kbytes=1", NULL);
        char body[4000] = "";
        struct message large = example_message(body, sizeof body, 0);
        struct error error = {0};
        options.headers = chosen[i];
        void *sink = open_sink(&options);
        assert_int_equal(sink_kafka.write(sink, &large, &error), 0);
        assert_int_equal(write_one(sink, 1, &error), 0);
        flush_badly(sink, ENOUGH, true, EX_IOERR, "1 records were not taken");
        assert_int_equal(statistics_of(sink, 2).acknowledged, 1);
        sink_kafka.close(sink);
    }
}

static uint64_t queue_limit(const struct sink_options *options) {
    void *sink = open_sink(options);
    uint64_t limit = statistics_of(sink, 0).queue_limit_bytes;
    sink_kafka.close(sink);
    return limit;
}

/* A file waits for the broker. Live, the queue takes bursts. */
static void the_queue_of_a_file_is_shorter(void **state) {
    (void)state;
    struct sink_options file = file_options(NULL, NULL), live = live_options(NULL, NULL);
    assert_int_equal(queue_limit(&file), 8 << 20);
    assert_int_equal(queue_limit(&live), 16 << 20);
    file = file_options("queue.buffering.max.kbytes=9216", NULL);
    assert_int_equal(queue_limit(&file), 9 << 20);
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

static void refuse_open(const struct sink_options *options, int exit_code, const char *text) {
    struct error error = {0};
    void *sink = NULL;
    assert_true(sink_kafka.open(options, &sink, &error) < 0);
    assert_null(sink);
    assert_int_equal(error.exit_code, exit_code);
    if (!strstr(error.text, text))
        fail_msg("\"%s\" is not in: %s", text, error.text);
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

static void a_file_waits_for_a_right(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    write_many(sink, 2);
    flush_well(sink);
    assert_int_equal(statistics_of(sink, 2).acknowledged, 2);
    sink_kafka.close(sink);
}

static void a_right_that_never_comes_is_told(void **state) {
    (void)state;
    enum { CODE = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED };
    struct sink_options options = file_options(NULL, NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 9, CODE, CODE, CODE, CODE, CODE, CODE, CODE, CODE,
                                      CODE);
    write_many(sink, 2);
    flush_badly(sink, SECOND, true, EX_NOPERM, "allow Write on the topic");
    assert_int_equal(statistics_of(sink, 2).dropped[SINK_DROP_undelivered], 2);
    sink_kafka.close(sink);
}

static void what_the_broker_refuses_is_counted(void **state) {
    (void)state;
    struct sink_options options = file_options(NULL, NULL);
    void *sink = open_sink(&options);
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 3, RD_KAFKA_RESP_ERR_INVALID_RECORD,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    write_many(sink, 2);
    flush_badly(sink, ENOUGH, true, EX_IOERR, "2 records were not taken");
    assert_int_equal(statistics_of(sink, 2).dropped[SINK_DROP_rejected], 2);
    sink_kafka.close(sink);
}

static void what_the_broker_refuses_becomes_a_dead_letter(void **state) {
    (void)state;
    char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 16], line[512] = "";
    struct sink_options options = live_options(NULL, NULL);
    assert_non_null(scratch_make(folder));
    snprintf(path, sizeof path, "%s/letters.jsonl", folder);
    options.dead_letters = path;
    void *sink = open_sink(&options);
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    write_many(sink, 1);
    flush_well(sink);
    assert_int_equal(statistics_of(sink, 1).dead_lettered, 1);
    sink_kafka.close(sink);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_int_equal(scratch_remove(folder), 0);
    assert_non_null(
        strstr(line, "\"topic\": \"flows\", \"partition\": 0, \"seq\": 0, \"record_kind\": \"final\""));
    assert_non_null(strstr(line, "\"value\": \"AAAAAAdyZWNvcmQ=\"}\n"));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_CLUSTER(a_consumer_gets_key_headers_and_framed_body),
        ON_CLUSTER(headers_have_nothing_of_an_earlier_record),
        ON_CLUSTER(records_have_the_chosen_headers_alone),
        ON_CLUSTER(a_record_that_finds_no_room_leaves_the_headers_whole),
        ON_CLUSTER(the_queue_of_a_file_is_shorter),
        ON_CLUSTER(what_is_under_way_is_told),
        ON_CLUSTER(a_property_that_librdkafka_does_not_know_is_refused_in_its_words),
        ON_CLUSTER(a_property_without_a_name_is_refused_and_not_shown),
        ON_CLUSTER(an_output_without_broker_is_refused),
        ON_CLUSTER(a_missing_topic_is_refused),
        ON_CLUSTER(too_large_a_record_is_counted_and_the_others_go_on),
        ON_CLUSTER(a_live_source_ends_well_after_too_large_a_record),
        ON_CLUSTER(a_record_larger_than_the_queue_does_not_wait_for_room),
        ON_CLUSTER(a_file_waits_for_a_right),
        ON_CLUSTER(a_right_that_never_comes_is_told),
        ON_CLUSTER(what_the_broker_refuses_is_counted),
        ON_CLUSTER(what_the_broker_refuses_becomes_a_dead_letter),
        ON_CLUSTER(what_is_too_large_for_the_topic_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
