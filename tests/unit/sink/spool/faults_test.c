/* A disk that fails: each kind of call, each time in turn, and for a while. The spool lives, counts, and when the disk is
 * well again nothing that it took is missing. */
#include "sink/spool/watched_fixture.h"

#include <limits.h>

static struct spool *open_watched(void) {
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.disk = &watched_disk;
    settings.retry_after = 1000;
    settings.idle_after = 3000;
    options.size = 256 << 10;
    return fixture_open_with(&options, &settings);
}

enum { RECORDS = 60 };

/* Appends, reads, takes and releases, over several segments and cursors; all records must come, in order. */
static void use(struct spool *spool, uint64_t *seq) {
    struct spool_record record;
    uint64_t next = *seq, last = *seq + RECORDS;
    for (; *seq < last; ++*seq)
        append_surely(spool, *seq, false);
    while (next < last && read_next(spool, &record)) {
        assert_int_equal(record.message.seq, next++);
        spool_take(spool, &record);
        if (next % 20 == 0)
            spool_release(spool, record.position + 1, NULL, 0);
    }
    assert_int_equal(next, last);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    wait_until(statistics_of(spool).segments <= 3, 20, "what is done is deleted");
    assert_closed_account(spool);
}

/* One call after the other fails once; until a use has fewer of them. */
static void each_fails(enum disk_call call, int error) {
    uint64_t seq = 1;
    unsigned long number = 0;
    struct spool *spool = open_watched();
    do {
        watched_fail(call, ++number, 1, error);
        use(spool, &seq);
        assert_int_equal(statistics_of(spool).damaged, 0);
    } while (watched_failed() > 0);
    struct spool_statistics statistics = statistics_of(spool);
    assert_true(number > 1);
    assert_true(statistics.disk_errors >= number - 1);
    assert_true(statistics.disk_failing_since == 0);
    assert_true(statistics.disk_error[0] != '\0');
    watched_fail(DISK_CALLS, 0, 0, 0);
    spool_release(spool, seq, NULL, 0);
    spool_close(spool);
    spool = open_watched();
    assert_int_equal(statistics_of(spool).found, 0);
    assert_int_equal(spool_end(spool), seq);
    assert_int_equal(statistics_of(spool).damaged_segments, 0);
    spool_close(spool);
}

static void each_write_fails_once(void **state) {
    (void)state;
    each_fails(CALL_WRITE, EIO);
}

static void each_write_finds_the_disk_full_once(void **state) {
    (void)state;
    each_fails(CALL_WRITE, ENOSPC);
}

static void each_sync_fails_once(void **state) {
    (void)state;
    each_fails(CALL_SYNC, EIO);
}

static void each_sync_of_the_folder_fails_once(void **state) {
    (void)state;
    each_fails(CALL_SYNC_FOLDER, EIO);
}

static void each_rename_fails_once(void **state) {
    (void)state;
    each_fails(CALL_RENAME, EROFS);
}

static void each_opening_fails_once(void **state) {
    (void)state;
    each_fails(CALL_OPEN, EMFILE);
}

static void each_deletion_fails_once(void **state) {
    (void)state;
    each_fails(CALL_REMOVE, EROFS);
}

static void each_reading_fails_once(void **state) {
    (void)state;
    each_fails(CALL_READ, EIO);
}

/* At the opening of a folder with records, the call fails: it is refused with a line, or opens with all of them. */
static void each_call_of_an_opening_fails(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.disk = &watched_disk;
    struct spool *spool = open_watched();
    for (uint64_t seq = 1; seq <= RECORDS; seq++)
        append_surely(spool, seq, false);
    spool_close(spool);
    static const enum disk_call calls[] = {CALL_OPEN_FOLDER, CALL_CUT, CALL_SYNC, CALL_SYNC_FOLDER};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct error error = {0};
        watched_fail(calls[i], 1, 1, EACCES);
        int result = spool_open_with(&options, &settings, &spool, &error);
        if (result < 0) {
            assert_int_equal(error.exit_code, EX_NOPERM);
            assert_true(error.text[0] != '\0');
            continue;
        }
        assert_int_equal(statistics_of(spool).found, RECORDS);
        spool_close(spool);
    }
}

/* Else a run after a crash would miss those that went by the buffer, and count them as damaged. */
static void the_cursor_is_written_before_a_segment_that_begins_later(void **state) {
    (void)state;
    struct spool_record record;
    struct spool *spool = open_watched();
    assert_int_equal(spool_sync(spool, 20000000), 0);
    watched_fail(CALL_OPEN, 1, ULONG_MAX, EIO);
    for (uint64_t seq = 1; seq <= 3; seq++)
        append_surely(spool, seq, false);
    for (int i = 0; i < 3; i++) {
        assert_true(read_next(spool, &record));
        spool_take(spool, &record);
    }
    spool_release(spool, 4, NULL, 0);
    append_surely(spool, 4, false);
    wait_until(spool_saved(spool, &(uint64_t){0}) == 4, 20, "three are forgotten");
    watched.recording = true;
    watched_fail(DISK_CALLS, 0, 0, 0);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    spool_close(spool);
    assert_true(watched.event_count > 0);
    size_t at = 0;
    while (at < watched.event_count && watched.events[at].call != CALL_RENAME)
        assert_null(strstr(watched.events[at++].name, ".spool"));
    assert_true(at < watched.event_count);
}

static void a_disk_that_fails_for_a_while_costs_nothing_that_fits_in_the_buffer(void **state) {
    (void)state;
    static const struct {
        enum disk_call call;
        int error;
    } faults[] = {{CALL_WRITE, ENOSPC}, {CALL_WRITE, EIO}, {CALL_SYNC, EIO}, {CALL_OPEN, EROFS}};
    uint64_t seq = 1;
    struct spool *spool = open_watched();
    use(spool, &seq);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct spool_record record;
        uint64_t first = seq, refused = statistics_of(spool).refused;
        watched_fail(faults[i].call, 1, ULONG_MAX, faults[i].error);
        while (append(spool, seq, false, NULL) == SPOOL_OK)
            seq++;
        wait_until(statistics_of(spool).disk_failing_since != 0, 10, "the failure is seen");
        assert_int_equal(statistics_of(spool).refused, refused + 1);
        assert_string_equal(strrchr(statistics_of(spool).disk_error, ':') + 2, strerror(faults[i].error));
        assert_int_equal(spool_sync(spool, 20000), -faults[i].error);
        uint64_t errors = statistics_of(spool).disk_errors;
        usleep(20000);
        assert_true(statistics_of(spool).disk_errors - errors < 60); /* it doesn't spin */
        watched_fail(DISK_CALLS, 0, 0, 0);
        assert_int_equal(spool_sync(spool, 20000000), 0);
        wait_until(statistics_of(spool).disk_failing_since == 0, 10, "the end of the failure is seen");
        for (uint64_t next = first; next < seq; next++) {
            assert_true(read_next(spool, &record));
            assert_int_equal(record.message.seq, next);
            spool_take(spool, &record);
        }
        assert_closed_account(spool);
    }
    spool_close(spool);
}

/* Takes and releases all that is there; returns the seq after the last. */
static uint64_t take_all(struct spool *spool, uint64_t seq) {
    struct spool_record record;
    while (read_next(spool, &record)) {
        assert_int_equal(record.message.seq, seq++);
        spool_take(spool, &record);
    }
    spool_release(spool, spool_end(spool), NULL, 0);
    return seq;
}

/* Whoever takes records makes room for others, though the disk takes nothing for good. */
static void records_go_by_the_buffer_while_the_disk_takes_nothing(void **state) {
    (void)state;
    static const int errors[] = {EIO, ENOSPC};
    uint64_t seq = 1, next = 1;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct spool *spool = open_watched();
        for (; seq % RECORDS != 0; seq++)
            append_surely(spool, seq, false);
        assert_int_equal(spool_sync(spool, 20000000), 0);
        watched_fail(CALL_WRITE, 1, ULONG_MAX, errors[i]);
        for (int round = 0; round < 5; round++) {
            while (append(spool, seq, false, NULL) == SPOOL_OK)
                seq++;
            wait_until(statistics_of(spool).disk_failing_since != 0, 10, "the failure is seen");
            next = take_all(spool, next);
            assert_int_equal(next, seq);
            assert_int_equal(statistics_of(spool).waiting, 0);
            append_surely(spool, seq++, false);
        }
        assert_closed_account(spool);
        watched_fail(DISK_CALLS, 0, 0, 0);
        for (unsigned j = 0; j < RECORDS; j++)
            append_surely(spool, seq++, false);
        assert_int_equal(spool_sync(spool, 20000000), 0);
        assert_closed_account(spool);
        spool_close(spool);
        spool = open_watched();
        assert_int_equal(statistics_of(spool).found, seq - next);
        next = take_all(spool, next);
        assert_int_equal(next, seq);
        assert_int_equal(statistics_of(spool).damaged, 0);
        assert_int_equal(statistics_of(spool).damaged_segments, 0);
        spool_close(spool);
    }
}

/* What was written and not synced may be gone where a sync fails: it is written again, and read once. */
static void what_a_failed_sync_may_have_lost_is_written_again(void **state) {
    (void)state;
    struct spool_record record;
    struct spool *spool = open_watched();
    watched_fail(CALL_SYNC, 1, 3, EIO);
    for (uint64_t seq = 1; seq <= 10; seq++)
        append_surely(spool, seq, false);
    assert_true(read_next(spool, &record)); /* from what is not synced */
    spool_take(spool, &record);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    assert_int_equal(watched_failed(), 3);
    for (uint64_t seq = 2; seq <= 10; seq++) {
        assert_true(read_next(spool, &record));
        assert_int_equal(record.message.seq, seq);
    }
    assert_false(read_next(spool, &record));
    assert_closed_account(spool);
    spool_close(spool);
    spool = open_watched();
    for (uint64_t seq = 1; seq <= 10; seq++) {
        assert_true(read_next(spool, &record));
        assert_int_equal(record.message.seq, seq);
    }
    assert_false(read_next(spool, &record));
    spool_close(spool);
}

/* A segment that is given up keeps no count of what went to another. */
static void what_is_written_again_is_counted_there(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.disk = &watched_disk;
    settings.commit_after = 3600000000;
    settings.retry_after = 1000;
    settings.commit_size = 64 << 10;
    options.when_full = SPOOL_DROP_OLDEST;
    struct spool *spool = fixture_open_with(&options, &settings);
    uint64_t seq = 1;
    while (seq <= 5)
        append_surely(spool, seq++, false);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    while (seq <= 10)
        append_surely(spool, seq++, true);
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/00000000000000000001.spool", folder);
    wait_until(stat(path, &status) == 0 && (uint64_t)status.st_size == statistics_of(spool).bytes, 10,
               "they are written");
    watched_fail(CALL_SYNC, 1, 1, EIO);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    assert_int_equal(statistics_of(spool).segments, 2);
    while (statistics_of(spool).dropped_oldest == 0) {
        append_surely(spool, seq++, true);
        assert_int_equal(spool_sync(spool, 20000000), 0);
    }
    assert_int_equal(statistics_of(spool).dropped_oldest, 5);
    assert_int_equal(statistics_of(spool).waiting, 0);
    spool_close(spool);
}

static void a_deleted_folder_is_made_again(void **state) {
    (void)state;
    struct spool_record record;
    uint64_t seq = 1;
    struct spool *spool = open_watched();
    for (; seq <= RECORDS; seq++)
        append_surely(spool, seq, false);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    assert_int_equal(scratch_remove(folder), 0);
    append_surely(spool, seq++, false);
    wait_until(access(folder, F_OK) == 0, 10, "the folder is there again");
    assert_int_equal(spool_sync(spool, 20000000), 0);
    append_surely(spool, seq++, false);
    uint64_t taken = 0, last = 0;
    while (read_next(spool, &record)) {
        spool_take(spool, &record);
        last = record.message.seq;
        taken++;
    }
    assert_int_equal(last, seq - 1);
    assert_true(taken >= 2);
    assert_int_equal(statistics_of(spool).damaged, seq - 1 - taken);
    assert_int_equal(statistics_of(spool).waiting, 0);
    assert_closed_account(spool);
    spool_close(spool);
    spool = open_watched(); /* it has its lock and its cursor */
    assert_true(statistics_of(spool).found >= 2 && statistics_of(spool).lost_cursors == 0);
    spool_close(spool);
}

/* Nothing is appended: the cursor tells. */
static void a_deleted_folder_is_noticed_by_the_cursor(void **state) {
    (void)state;
    struct spool_record record;
    struct spool *spool = open_watched();
    for (uint64_t seq = 1; seq <= 10; seq++)
        append_surely(spool, seq, false);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    assert_int_equal(scratch_remove(folder), 0);
    spool_release(spool, 3, NULL, 0);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    assert_int_equal(statistics_of(spool).bytes, 0);
    assert_false(read_next(spool, &record));
    assert_int_equal(statistics_of(spool).damaged, 10);
    assert_closed_account(spool);
    assert_int_equal(append_surely(spool, 11, false), 11);
    assert_true(read_next(spool, &record));
    assert_int_equal(record.message.seq, 11);
    spool_close(spool);
}

static void a_deleted_segment_is_noticed(void **state) {
    (void)state;
    char path[128];
    struct spool *spool = open_watched();
    append_surely(spool, 1, false);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    snprintf(path, sizeof path, "%s/00000000000000000001.spool", folder);
    assert_int_equal(unlink(path), 0);
    append_surely(spool, 2, false);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    spool_close(spool);
    snprintf(path, sizeof path, "%s/00000000000000000002.spool", folder);
    assert_int_equal(access(path, F_OK), 0);
}

/* What can't be read for long is left out. */
static void a_segment_that_stays_unreadable_is_damage(void **state) {
    (void)state;
    struct spool_record record;
    struct spool *spool = open_watched();
    for (uint64_t seq = 1; seq <= RECORDS; seq++)
        append_surely(spool, seq, false);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    watched_fail(CALL_READ, 1, 21, EIO);
    uint64_t count = 0;
    for (; read_next(spool, &record); count++)
        spool_take(spool, &record);
    assert_true(count > 0 && count < RECORDS);
    assert_int_equal(record.message.seq, RECORDS);
    assert_int_equal(statistics_of(spool).damaged, RECORDS - count);
    assert_closed_account(spool);
    spool_close(spool);
}

static void closing_does_not_wait_for_a_disk_that_fails(void **state) {
    (void)state;
    struct logged logged;
    char text[4096];
    struct spool *spool = open_watched();
    logged_begin(&logged);
    watched_fail(CALL_OPEN, 1, ULONG_MAX, ENOSPC);
    for (uint64_t seq = 1; seq <= 5; seq++)
        append_surely(spool, seq, false);
    int64_t start = clock_monotonic();
    spool_close(spool);
    logged_end(&logged, text, sizeof text);
    assert_true(clock_monotonic() - start < 5000000);
    assert_non_null(strstr(text, "5 records were not written"));
}

static void a_failure_and_its_end_are_one_line_each(void **state) {
    (void)state;
    struct logged logged;
    char text[4096];
    struct spool *spool = open_watched();
    assert_int_equal(spool_sync(spool, 20000000), 0);
    logged_begin(&logged);
    watched_fail(CALL_WRITE, 1, 10, ENOSPC);
    append_surely(spool, 1, false);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    wait_until(statistics_of(spool).disk_failing_since == 0, 10, "the end of the failure is seen");
    spool_close(spool);
    logged_end(&logged, text, sizeof text);
    const char *failure = strstr(text, "can't write to"), *over = strstr(text, "takes everything again");
    assert_non_null(failure);
    assert_non_null(over);
    assert_null(strstr(failure + 1, "can't write to"));
    assert_null(strstr(over + 1, "takes everything again"));
}

int main(void) {
#define fault_case(function) cmocka_unit_test_setup_teardown(function, watched_begin, watched_end)
    const struct CMUnitTest tests[] = {
        fault_case(each_write_fails_once),
        fault_case(each_write_finds_the_disk_full_once),
        fault_case(each_sync_fails_once),
        fault_case(each_sync_of_the_folder_fails_once),
        fault_case(each_rename_fails_once),
        fault_case(each_opening_fails_once),
        fault_case(each_deletion_fails_once),
        fault_case(each_reading_fails_once),
        fault_case(each_call_of_an_opening_fails),
        fault_case(records_go_by_the_buffer_while_the_disk_takes_nothing),
        fault_case(the_cursor_is_written_before_a_segment_that_begins_later),
        fault_case(a_disk_that_fails_for_a_while_costs_nothing_that_fits_in_the_buffer),
        fault_case(what_a_failed_sync_may_have_lost_is_written_again),
        fault_case(what_is_written_again_is_counted_there),
        fault_case(a_deleted_folder_is_made_again),
        fault_case(a_deleted_folder_is_noticed_by_the_cursor),
        fault_case(a_deleted_segment_is_noticed),
        fault_case(a_segment_that_stays_unreadable_is_damage),
        fault_case(closing_does_not_wait_for_a_disk_that_fails),
        fault_case(a_failure_and_its_end_are_one_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
