/* What the spool makes of a folder that a crash, a bad disk or a person left. */
#include "sink/spool/watched_fixture.h"

#include <dirent.h>

enum { RECORDS = 160 };

/* Records 1 to RECORDS in segments; gives the numbers of the files. */
static size_t fill_folder(uint64_t numbers[RECORDS]) {
    struct folder opened = {-1, -1};
    uint64_t *listed;
    size_t count;
    struct spool *spool = fixture_open();
    for (uint64_t seq = 1; seq <= RECORDS; seq++)
        append_surely(spool, seq, false);
    assert_int_equal(spool_sync(spool, 10000000), 0);
    spool_close(spool);
    opened.descriptor = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(folder_list(&spool_disk_real, &opened, ".spool", &listed, &count), 0);
    close(opened.descriptor);
    memcpy(numbers, listed, count * sizeof *listed);
    free(listed);
    assert_true(count > 4);
    return count;
}

static const char *segment_path(uint64_t number) {
    char name[SEGMENT_NAME_SIZE];
    segment_name(number, ".spool", name);
    return path_of(name);
}

static void flip(const char *path, off_t offset) {
    uint8_t byte;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (offset < 0)
        offset += lseek(file, 0, SEEK_END);
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

/* Takes all that there is; gives how many, and the last one's position. */
static uint64_t take_all(struct spool *spool, uint64_t *last) {
    struct spool_record record;
    uint64_t count = 0, before = 0;
    while (read_next(spool, &record)) {
        assert_true(record.position > before);
        assert_int_equal(record.message.seq, record.position);
        before = record.position;
        spool_take(spool, &record);
        count++;
    }
    *last = before;
    assert_closed_account(spool);
    assert_int_equal(statistics_of(spool).waiting, 0);
    return count;
}

static unsigned damaged_files(void) {
    unsigned count = 0;
    DIR *stream = opendir(folder);
    for (const struct dirent *entry; (entry = readdir(stream));)
        count += strstr(entry->d_name, ".damaged") != NULL;
    closedir(stream);
    return count;
}

static void a_torn_end_is_cut(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    size_t count = fill_folder(numbers);
    const char *newest = segment_path(numbers[count - 1]);
    struct stat status;
    assert_int_equal(stat(newest, &status), 0);
    for (off_t less = 1; less < 8; less += 3) {
        assert_int_equal(truncate(newest, status.st_size - less), 0);
        struct spool *spool = fixture_open();
        assert_int_equal(statistics_of(spool).found, RECORDS - 1);
        assert_int_equal(spool_end(spool), RECORDS);
        spool_close(spool);
        struct stat cut;
        assert_int_equal(stat(newest, &cut), 0);
        assert_true(cut.st_size < status.st_size - less);
    }
    struct spool *spool = fixture_open();
    append_surely(spool, RECORDS, false); /* its position is given again */
    assert_int_equal(take_all(spool, &last), RECORDS);
    assert_int_equal(statistics_of(spool).damaged, 0);
    spool_close(spool);
}

static void garbage_behind_the_end_is_cut(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    size_t count = fill_folder(numbers);
    static const uint8_t zeros[5000] = {0};
    int file = open(segment_path(numbers[count - 1]), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(file, zeros, sizeof zeros), sizeof zeros);
    close(file);
    struct spool *spool = fixture_open();
    assert_int_equal(take_all(spool, &last), RECORDS);
    spool_close(spool);
}

static void a_bad_record_ends_its_segment(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    size_t count = fill_folder(numbers);
    flip(segment_path(numbers[1]), -1);
    flip(segment_path(numbers[3]), 400);
    struct spool *spool = fixture_open();
    assert_int_equal(statistics_of(spool).found, RECORDS);
    uint64_t taken = take_all(spool, &last);
    uint64_t damaged = statistics_of(spool).damaged;
    assert_int_equal(last, RECORDS);
    assert_int_equal(taken + damaged, RECORDS);
    assert_true(damaged > 2 && damaged <= 1 + numbers[4] - numbers[3]);
    assert_int_equal(statistics_of(spool).damaged_segments, 0); /* it may be read again */
    spool_release(spool, RECORDS + 1, NULL, 0);
    wait_until(statistics_of(spool).damaged_segments == 2, 10, "the damaged ones are set aside");
    assert_int_equal(damaged_files(), 2);
    assert_true(count > 0);
    spool_close(spool);
}

static void damage_is_counted_once(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    fill_folder(numbers);
    flip(segment_path(numbers[1]), -1);
    struct spool *spool = fixture_open();
    struct spool_record record;
    for (int i = 0; i < 3; i++) {
        spool_seek(spool, 1);
        while (read_next(spool, &record)) /* takes none */
            ;
        assert_int_equal(statistics_of(spool).damaged, 1);
        assert_closed_account(spool);
    }
    spool_seek(spool, 1);
    assert_int_equal(take_all(spool, &last), RECORDS - 1);
    spool_close(spool);
}

static void a_missing_segment_is_damage(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    size_t count = fill_folder(numbers);
    assert_int_equal(unlink(segment_path(numbers[0])), 0); /* the cursor says that it was needed */
    assert_int_equal(unlink(segment_path(numbers[2])), 0);
    struct spool *spool = fixture_open();
    uint64_t missing = numbers[1] - numbers[0] + numbers[3] - numbers[2];
    assert_int_equal(take_all(spool, &last), RECORDS - missing);
    assert_int_equal(statistics_of(spool).damaged, missing);
    assert_int_equal(statistics_of(spool).found, RECORDS);
    assert_true(count > 0);
    spool_close(spool);
}

static void a_segment_that_goes_while_we_run_is_damage(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    fill_folder(numbers);
    struct spool *spool = fixture_open();
    assert_int_equal(unlink(segment_path(numbers[2])), 0);
    assert_int_equal(take_all(spool, &last), RECORDS - (numbers[3] - numbers[2]));
    spool_close(spool);
}

static void a_bad_header_sets_the_segment_aside(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    size_t count = fill_folder(numbers);
    flip(segment_path(numbers[1]), 50);
    flip(segment_path(numbers[2]), 2);
    struct spool *spool = fixture_open();
    assert_int_equal(statistics_of(spool).damaged_segments, 2);
    assert_int_equal(damaged_files(), 2);
    assert_int_equal(take_all(spool, &last), RECORDS - (numbers[3] - numbers[1]));
    assert_true(count > 0);
    spool_close(spool);
}

static void a_newest_segment_without_header_goes(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    size_t count = fill_folder(numbers);
    uint64_t newest = numbers[count - 1];
    assert_int_equal(truncate(segment_path(newest), 9), 0); /* as a crash leaves it */
    struct spool *spool = fixture_open();
    assert_int_equal(spool_end(spool), newest);
    assert_int_equal(statistics_of(spool).damaged_segments, 0);
    spool_close(spool);
    assert_int_equal(access(segment_path(newest), F_OK), -1);
    newest = numbers[count - 2];
    flip(segment_path(newest), 50);
    spool = fixture_open();
    assert_int_equal(spool_end(spool), newest);
    assert_int_equal(statistics_of(spool).damaged_segments, 1);
    assert_int_equal(take_all(spool, &last), newest - 1);
    append_surely(spool, newest, false);
    assert_int_equal(take_all(spool, &last), 1);
    spool_close(spool);
}

static void the_two_newest_damaged_segments_are_kept(void **state) {
    (void)state;
    uint64_t numbers[RECORDS];
    size_t count = fill_folder(numbers);
    assert_true(count > 2);
    for (size_t i = 0; i < count; i++)
        flip(segment_path(numbers[i]), 50);
    spool_close(fixture_open());
    assert_int_equal(damaged_files(), 2);
}

static void without_a_cursor_all_is_sent_again(void **state) {
    (void)state;
    static const char *const what[] = {"missing", "torn", "empty", "wrong", "zeros"};
    uint64_t numbers[RECORDS], last;
    fill_folder(numbers);
    for (int i = 0; i < 5; i++) {
        struct spool *spool = fixture_open();
        spool_release(spool, 50, NULL, 0);
        spool_close(spool);
        const char *cursor = path_of("cursor");
        struct stat status;
        assert_int_equal(stat(cursor, &status), 0);
        switch (i) {
        case 0: unlink(cursor); break;
        case 1: assert_int_equal(truncate(cursor, status.st_size - 1), 0); break;
        case 2: assert_int_equal(truncate(cursor, 0), 0); break;
        case 3: flip(cursor, 17); break;
        default: assert_int_equal(truncate(cursor, 0), 0); assert_int_equal(truncate(cursor, 24), 0);
        }
        spool = fixture_open();
        struct spool_statistics statistics = statistics_of(spool);
        if (statistics.lost_cursors != 1)
            fail_msg("a cursor that is %s was taken for good", what[i]);
        assert_true(statistics.found > RECORDS - 50);
        assert_int_equal(statistics.found, statistics.waiting);
        assert_int_equal(take_all(spool, &last), statistics.found);
        spool_close(spool);
    }
}

static void positions_go_on_where_no_segment_is_left(void **state) {
    (void)state;
    uint64_t numbers[RECORDS], last;
    const struct spool_lane lanes[] = {{0, RECORDS}};
    size_t count = fill_folder(numbers);
    struct spool *spool = fixture_open();
    spool_release(spool, 60, lanes, 1);
    spool_close(spool);
    for (size_t i = 0; i < count; i++)
        unlink(segment_path(numbers[i]));
    spool = fixture_open();
    /* What the cursor calls done must not be said of new records. */
    assert_int_equal(spool_end(spool), RECORDS);
    assert_int_equal(statistics_of(spool).found, RECORDS - 60);
    assert_int_equal(statistics_of(spool).damaged, RECORDS - 60);
    append_surely(spool, RECORDS, false);
    assert_int_equal(take_all(spool, &last), 1);
    spool_close(spool);
}

/* A record of the segment that is still written: what is synced is damage, what isn't is written again. */
static void the_segment_that_is_written_may_be_bad(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    uint64_t last;
    settings.commit_after = 3600000000;
    options.size = 128 << 10;
    struct spool *spool = fixture_open_with(&options, &settings);
    struct stat status;
    const char *path = segment_path(1);
    for (uint64_t seq = 1; seq <= 5; seq++)
        append_surely(spool, seq, false);
    wait_until(stat(path, &status) == 0 && status.st_size > 500, 10, "records are written");
    flip(path, -1);
    assert_int_equal(take_all(spool, &last), 5);
    assert_int_equal(statistics_of(spool).damaged, 0);
    assert_int_equal(spool_sync(spool, 10000000), 0);
    for (uint64_t seq = 6; seq <= 8; seq++)
        append_surely(spool, seq, false);
    assert_int_equal(spool_sync(spool, 10000000), 0);
    flip(path, -1);
    assert_int_equal(take_all(spool, &last), 2);
    assert_int_equal(statistics_of(spool).damaged, 1);
    append_surely(spool, 9, false);
    assert_int_equal(take_all(spool, &last), 1);
    spool_close(spool);
    spool = fixture_open_with(&options, &settings);
    assert_int_equal(take_all(spool, &last), 8);
    assert_int_equal(statistics_of(spool).damaged, 1);
    spool_close(spool);
}

/* Order of two things in what was done; SIZE_MAX: it wasn't. */
static size_t event_of(enum disk_call call, const char *name, size_t from) {
    for (size_t i = from; i < watched.event_count; i++)
        if (watched.events[i].call == call && strcmp(watched.events[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static void delete_before_cursor(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.disk = &watched_disk;
    watched.recording = true;
    struct spool *spool = fixture_open_with(&options, &settings);
    for (uint64_t seq = 1; seq <= RECORDS; seq++)
        append_surely(spool, seq, false);
    assert_int_equal(spool_sync(spool, 10000000), 0);
    size_t from = watched.event_count;
    watched_fail(CALL_RENAME, 1, 2, EIO);
    spool_release(spool, RECORDS / 2, NULL, 0);
    wait_until(statistics_of(spool).segments < 8, 10, "segments are deleted");
    spool_close(spool);
    size_t deleted = event_of(CALL_REMOVE, "00000000000000000001.spool", from);
    size_t written = event_of(CALL_SYNC, "cursor.new", from);
    size_t renamed = event_of(CALL_RENAME, "cursor.new", from);
    size_t durable = event_of(CALL_SYNC_FOLDER, "", renamed);
    assert_true(written < renamed && renamed < durable && durable < deleted && deleted != SIZE_MAX);
}

int main(void) {
#define recovery_case(function) cmocka_unit_test_setup_teardown(function, watched_begin, watched_end)
    const struct CMUnitTest tests[] = {
        recovery_case(a_torn_end_is_cut),
        recovery_case(garbage_behind_the_end_is_cut),
        recovery_case(a_bad_record_ends_its_segment),
        recovery_case(damage_is_counted_once),
        recovery_case(a_missing_segment_is_damage),
        recovery_case(a_segment_that_goes_while_we_run_is_damage),
        recovery_case(a_bad_header_sets_the_segment_aside),
        recovery_case(a_newest_segment_without_header_goes),
        recovery_case(the_two_newest_damaged_segments_are_kept),
        recovery_case(without_a_cursor_all_is_sent_again),
        recovery_case(positions_go_on_where_no_segment_is_left),
        recovery_case(the_segment_that_is_written_may_be_bad),
        recovery_case(delete_before_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
