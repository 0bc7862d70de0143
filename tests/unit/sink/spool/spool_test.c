/* The spool as its caller sees it: what is appended is read, also by a later run, until it is released. */
#include "sink/spool/spool_fixture.h"

static int begin(void **state) {
    (void)state;
    fixture_begin();
    return 0;
}

static int end(void **state) {
    (void)state;
    fixture_end();
    return 0;
}

static void assert_reads(struct spool *spool, uint64_t from, uint64_t to) {
    struct spool_record record;
    for (uint64_t seq = from; seq <= to; seq++) {
        assert_true(read_next(spool, &record));
        assert_int_equal(record.message.seq, seq);
        assert_int_equal(record.position, seq);
    }
    assert_false(read_next(spool, &record));
}

static void what_is_appended_is_read_in_order(void **state) {
    (void)state;
    struct spool *spool = fixture_open();
    assert_int_equal(spool_first(spool), 1);
    assert_int_equal(spool_end(spool), 1);
    assert_true(spool_is_at_end(spool));
    for (uint64_t seq = 1; seq <= 100; seq++)
        assert_int_equal(append_surely(spool, seq, false), seq);
    assert_int_equal(spool_end(spool), 101);
    assert_reads(spool, 1, 100);
    assert_closed_account(spool);
    spool_close(spool);
}

static void what_is_in_the_buffer_is_read_at_once(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.write_after = settings.commit_after = 3600000000;
    struct spool *spool = fixture_open_with(&options, &settings);
    append_surely(spool, 1, false);
    assert_reads(spool, 1, 1);
    spool_close(spool);
}

/* With the sizes and times of a release: a kill loses what came in the last twentieth of a second. */
static void records_are_written_soon(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_record record;
    struct spool *spool = NULL;
    struct error error = {0};
    char path[128];
    struct stat status;
    options.size = 4 << 20;
    options.buffer_size = 0;
    assert_int_equal(spool_open(&options, &spool, &error), 0);
    append_surely(spool, 1, false);
    snprintf(path, sizeof path, "%s/00000000000000000001.spool", folder);
    wait_until(stat(path, &status) == 0 && status.st_size > 250, 5, "the record is written");
    spool_seek(spool, 1000); /* no further than there are records */
    assert_true(spool_is_at_end(spool));
    for (uint64_t seq = 2; seq <= 12000; seq++) /* through several segments of a mebibyte */
        append_surely(spool, seq, true);
    for (uint64_t seq = 2; seq <= 12000; seq++) {
        assert_true(read_next(spool, &record));
        assert_int_equal(record.message.seq, seq);
        spool_release(spool, seq, NULL, 0);
    }
    assert_closed_account(spool);
    spool_close(spool);
    spool_close(NULL);
}

static void records_count_once_taken_or_skipped(void **state) {
    (void)state;
    struct spool *spool = fixture_open();
    struct spool_record record;
    for (uint64_t seq = 1; seq <= 10; seq++)
        append_surely(spool, seq, seq > 8);
    assert_int_equal(statistics_of(spool).waiting, 8);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_true(read_next(spool, &record));
        assert_true(record.own);
        if (seq % 2)
            spool_take(spool, &record);
        else
            spool_skip(spool, &record);
        assert_closed_account(spool);
    }
    struct spool_statistics statistics = statistics_of(spool);
    assert_int_equal(statistics.waiting, 3);
    assert_int_equal(statistics.taken, 2 + 3);
    assert_int_equal(statistics.skipped, 2);
    spool_close(spool);
}

/* It may lie beyond all records, and moves no end. */
static void a_callers_note_is_kept_as_it_is(void **state) {
    (void)state;
    const struct spool_lane lanes[] = {{-2, 1000}, {0, 1000}}, *found;
    uint64_t low;
    struct spool *spool = fixture_open();
    append_surely(spool, 1, false);
    spool_release(spool, 1, lanes, 2);
    int64_t end = clock_monotonic() + 20000000;
    while (!spool_has_noted(spool)) {
        assert_true(clock_monotonic() < end);
        usleep(1000);
    }
    spool_close(spool);
    spool = fixture_open();
    assert_int_equal(spool_lanes(spool, &low, &found), 2);
    assert_int_equal(found[0].position, 1000);
    assert_int_equal(found[1].position, 2);
    assert_int_equal(spool_end(spool), 2);
    assert_true(spool_has_noted(spool));
    spool_close(spool);
}

static void a_later_run_goes_on_where_this_one_was(void **state) {
    (void)state;
    const struct spool_lane lanes[] = {{0, 12}, {3, 15}}, *found;
    struct spool_record record;
    uint64_t low;
    struct spool *spool = fixture_open();
    for (uint64_t seq = 1; seq <= 40; seq++)
        append_surely(spool, seq, false);
    spool_release(spool, 11, lanes, 2);
    spool_close(spool);

    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    options.origin.message.boot_id = "boot-2";
    options.origin.schema_id = 0;
    spool = fixture_open_with(&options, &settings);
    assert_int_equal(spool_lanes(spool, &low, &found), 2);
    assert_int_equal(low, 11);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(found[i].lane, lanes[i].lane);
        assert_int_equal(found[i].position, lanes[i].position);
    }
    assert_int_equal(statistics_of(spool).found, 30);
    assert_int_equal(statistics_of(spool).waiting, 30);
    assert_int_equal(append_surely(spool, 41, false), 41);
    for (uint64_t seq = 11; read_next(spool, &record); seq++) {
        assert_int_equal(record.message.seq, seq);
        assert_int_equal(record.own, seq == 41);
        assert_string_equal(record.origin->message.boot_id, record.own ? "boot-2" : "boot-1");
        assert_int_equal(record.origin->schema_id, record.own ? 0 : 7);
        spool_take(spool, &record);
    }
    assert_int_equal(statistics_of(spool).waiting, 0);
    assert_closed_account(spool);
    spool_release(spool, 42, NULL, 0);
    wait_until(statistics_of(spool).segments <= 1, 10, "what is done is deleted");
    spool_close(spool);

    spool = fixture_open();
    assert_int_equal(statistics_of(spool).found, 0);
    assert_int_equal(spool_end(spool), 42);
    assert_int_equal(spool_first(spool), 42);
    spool_close(spool);
}

static void a_seek_goes_back_and_on(void **state) {
    (void)state;
    struct spool *spool = fixture_open();
    struct spool_record record;
    for (uint64_t seq = 1; seq <= 80; seq++)
        append_surely(spool, seq, false);
    static const uint64_t places[] = {1, 80, 40, 41, 39, 2, 79, 81, 5};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        spool_seek(spool, places[i]);
        assert_int_equal(read_next(spool, &record), places[i] <= 80);
        if (places[i] <= 80)
            assert_int_equal(record.position, places[i]);
    }
    spool_release(spool, 30, NULL, 0);
    spool_seek(spool, 3); /* that is done */
    assert_true(read_next(spool, &record));
    assert_int_equal(record.position, 30);
    assert_int_equal(spool_first(spool), 30);
    spool_close(spool);
}

static uint64_t fill(struct spool *spool, uint64_t seq) {
    while (statistics_of(spool).refused == 0 && statistics_of(spool).dropped_oldest == 0) {
        append(spool, ++seq, false, NULL);
        if (seq % 50 == 0) /* the buffer is never what is full */
            assert_int_equal(spool_sync(spool, 10000000), 0);
    }
    return seq;
}

static void when_full_the_newest_is_refused(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    options.buffer_size = 64 << 10; /* never the buffer */
    options.size = 256 << 10;
    struct spool *spool = fixture_open_with(&options, &settings);
    uint64_t refused = fill(spool, 0);
    struct spool_statistics statistics = statistics_of(spool);
    assert_int_equal(statistics.refused, 1);
    assert_int_equal(statistics.appended, refused - 1);
    assert_true(statistics.bytes > 200 << 10);
    assert_true(statistics.seconds_until_full == 0);
    assert_reads(spool, 1, refused - 1);
    assert_closed_account(spool);
    spool_release(spool, 100, NULL, 0);
    wait_until(append(spool, refused, false, NULL) == SPOOL_OK, 10, "there is room again");
    spool_close(spool);
}

static void when_full_the_oldest_goes(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    options.buffer_size = 64 << 10;
    options.size = 256 << 10;
    options.when_full = SPOOL_DROP_OLDEST;
    struct spool *spool = fixture_open_with(&options, &settings);
    struct spool_record record;
    for (int i = 0; i < 2; i++)
        assert_true(append_surely(spool, (uint64_t)i + 1, false));
    assert_true(read_next(spool, &record)); /* 1: read, and not yet taken */
    uint64_t seq = fill(spool, 2);
    struct spool_statistics statistics = statistics_of(spool);
    assert_int_equal(statistics.refused, 0);
    assert_true(statistics.dropped_oldest > 2);
    assert_int_equal(spool_first(spool), statistics.dropped_oldest + 2); /* 1 is held for the caller */
    assert_closed_account(spool);
    spool_take(spool, &record);
    assert_int_equal(statistics_of(spool).taken, 1);
    assert_closed_account(spool);
    assert_true(read_next(spool, &record));
    assert_int_equal(record.position, spool_first(spool));
    for (int i = 0; i < 500; i++) { /* with the reader on the way, who takes none */
        append_surely(spool, ++seq, false);
        if (i % 7 == 0)
            read_next(spool, &record);
        assert_closed_account(spool);
    }
    while (read_next(spool, &record))
        spool_take(spool, &record);
    assert_int_equal(record.message.seq, seq);
    spool_close(spool);
    spool = fixture_open_with(&options, &settings);
    assert_int_equal(statistics_of(spool).damaged, 0); /* the cursor knows what was dropped */
    spool_close(spool);
}

static void in_memory_nothing_is_left(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    options.directory = NULL;
    struct spool_record record;
    struct spool *spool = fixture_open_with(&options, &settings);
    for (uint64_t seq = 1; seq <= 150; seq++)
        append_surely(spool, seq, false);
    for (uint64_t seq = 1; seq <= 150; seq++) {
        assert_true(read_next(spool, &record));
        assert_int_equal(record.message.seq, seq);
        spool_take(spool, &record);
        spool_release(spool, seq + 1, NULL, 0);
    }
    wait_until(statistics_of(spool).segments <= 1, 10, "what is done is freed");
    assert_closed_account(spool);
    assert_int_equal(spool_sync(spool, 1000000), 0);
    spool_close(spool);
    spool = fixture_open_with(&options, &settings);
    assert_int_equal(statistics_of(spool).found, 0);
    assert_int_equal(spool_end(spool), 1);
    spool_close(spool);
}

static void in_memory_the_size_is_the_limit(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    options.directory = NULL;
    options.when_full = SPOOL_DROP_OLDEST;
    struct spool_record record;
    struct spool *spool = fixture_open_with(&options, &settings);
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        append_surely(spool, seq, false);
        assert_closed_account(spool);
    }
    uint64_t dropped = statistics_of(spool).dropped_oldest;
    assert_true(dropped > 500);
    assert_true(read_next(spool, &record));
    assert_int_equal(record.position, dropped + 1);
    spool_close(spool);
}

static void a_new_schema_id_is_said_by_later_segments(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    options.origin.schema_id = 0;
    struct spool_record record;
    struct spool *spool = fixture_open_with(&options, &settings);
    append_surely(spool, 1, false);
    assert_int_equal(spool_sync(spool, 10000000), 0);
    spool_set_schema_id(spool, 42);
    append_surely(spool, 2, false);
    spool_set_schema_id(spool, 42); /* no news */
    append_surely(spool, 3, false);
    static const uint32_t ids[] = {0, 42, 42};
    for (int i = 0; i < 3; i++) {
        assert_true(read_next(spool, &record));
        assert_int_equal(record.origin->schema_id, ids[i]);
    }
    assert_int_equal(statistics_of(spool).segments, 2);
    spool_close(spool);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    static uint8_t body[SPOOL_RECORD_MAX];
    struct spool *spool = fixture_open();
    struct message message = {.body = body, .key = "", .record_kind = "final"};
    static const size_t sizes[] = {4096, 9000, SPOOL_RECORD_MAX, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        message.body_length = sizes[i];
        assert_int_equal(spool_append(spool, 0, &message, false, NULL), SPOOL_TOO_LARGE);
    }
    message.body_length = 1;
    message.key_length = 70000;
    assert_int_equal(spool_append(spool, 0, &message, false, NULL), SPOOL_TOO_LARGE);
    message.key_length = 0;
    assert_int_equal(spool_append(spool, 0, &message, false, NULL), SPOOL_OK);
    assert_int_equal(statistics_of(spool).refused, 5);
    assert_closed_account(spool);
    spool_close(spool);
}

static void a_record_larger_than_a_chunk_is_read(void **state) {
    (void)state;
    static uint8_t body[3500];
    struct spool *spool = fixture_open();
    struct spool_record record;
    struct message message = {.body = body, .body_length = sizeof body, .key = "", .record_kind = "final"};
    append_surely(spool, 1, false);
    assert_int_equal(spool_append(spool, 0, &message, false, NULL), SPOOL_OK);
    append_surely(spool, 3, false);
    assert_true(read_next(spool, &record));
    wait_until(spool_read(spool, &record), 10, "the large record is read");
    assert_int_equal(record.message.body_length, sizeof body);
    assert_true(read_next(spool, &record));
    assert_int_equal(record.message.seq, 3);
    spool_close(spool);
}

static void what_is_done_and_idle_leaves_no_segment(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.idle_after = 1000;
    struct spool *spool = fixture_open_with(&options, &settings);
    append_surely(spool, 1, true);
    assert_true(statistics_of(spool).oldest > 0);
    assert_int_equal(spool_sync(spool, 10000000), 0);
    spool_release(spool, 2, NULL, 0);
    wait_until(statistics_of(spool).segments == 0, 10, "the segment goes");
    assert_int_equal(statistics_of(spool).bytes, 0);
    assert_int_equal(statistics_of(spool).oldest, 0);
    assert_int_equal(append_surely(spool, 2, false), 2);
    spool_close(spool);
}

static void the_oldest_record_tells_its_age(void **state) {
    (void)state;
    int64_t before = clock_realtime();
    struct spool *spool = fixture_open();
    for (uint64_t seq = 1; seq <= 60; seq++)
        append_surely(spool, seq, false);
    assert_int_equal(spool_sync(spool, 10000000), 0);
    int64_t between = clock_realtime(), first = statistics_of(spool).oldest;
    assert_true(first >= before && first <= between);
    usleep(2000); /* so that the clock has moved on */
    append_surely(spool, 61, false);
    spool_release(spool, 61, NULL, 0);
    assert_true(statistics_of(spool).oldest > first);
    spool_close(spool);
}

int main(void) {
#define spool_case(function) cmocka_unit_test_setup_teardown(function, begin, end)
    const struct CMUnitTest tests[] = {
        spool_case(what_is_appended_is_read_in_order),
        spool_case(what_is_in_the_buffer_is_read_at_once),
        spool_case(records_are_written_soon),
        spool_case(records_count_once_taken_or_skipped),
        spool_case(a_callers_note_is_kept_as_it_is),
        spool_case(a_later_run_goes_on_where_this_one_was),
        spool_case(a_seek_goes_back_and_on),
        spool_case(when_full_the_newest_is_refused),
        spool_case(when_full_the_oldest_goes),
        spool_case(in_memory_nothing_is_left),
        spool_case(in_memory_the_size_is_the_limit),
        spool_case(a_new_schema_id_is_said_by_later_segments),
        spool_case(what_does_not_fit_is_refused),
        spool_case(a_record_larger_than_a_chunk_is_read),
        spool_case(what_is_done_and_idle_leaves_no_segment),
        spool_case(the_oldest_record_tells_its_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
