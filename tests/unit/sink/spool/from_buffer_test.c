/* Records that are read from the buffer, since the disk takes nothing. */
#include "sink/spool/watched_fixture.h"

#include <limits.h>

enum { WRITTEN = 10, ALL = 15, SECOND = 1000000 };

/* The thread looks whether the folder is still there before it reads the buffer, and the caller seeks back meanwhile. */
static void a_seek_in_between_skips_no_record(void **state) {
    (void)state;
    struct spool_record record;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.disk = &watched_disk;
    settings.retry_after = 60 * SECOND;
    struct spool *spool = fixture_open_with(&options, &settings);
    for (uint64_t seq = 1; seq <= WRITTEN; seq++)
        append_surely(spool, seq, false);
    assert_int_equal(spool_sync(spool, 20 * SECOND), 0);
    watched_fail(CALL_WRITE, 1, ULONG_MAX, EIO);
    for (uint64_t seq = WRITTEN + 1; seq <= ALL; seq++)
        append_surely(spool, seq, false);
    wait_until(statistics_of(spool).disk_failing_since != 0, 20, "the failure is seen");
    watched_hang_looks(true);
    spool_seek(spool, WRITTEN + 1);
    wait_until(watched_is_hanging(), 20, "a look at the folder");
    spool_seek(spool, 1);
    watched_hang_looks(false);
    for (uint64_t seq = 1; seq <= ALL; seq++) {
        assert_true(read_next(spool, &record));
        assert_int_equal(record.position, seq);
        assert_int_equal(record.message.seq, seq);
    }
    watched_fail(DISK_CALLS, 0, 0, 0);
    spool_close(spool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_seek_in_between_skips_no_record, watched_begin, watched_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
