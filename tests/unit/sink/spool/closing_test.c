/* The end of a spool whose disk takes nothing, or does not answer: it takes no longer than has a use, and what is lost is told. */
#include "sink/spool/watched_fixture.h"

#include <limits.h>

enum { SECOND = 1000000 };

static struct spool *open_watched(int64_t retry_after, int64_t close_limit) {
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.disk = &watched_disk;
    settings.retry_after = retry_after;
    settings.close_limit = close_limit;
    return fixture_open_with(&options, &settings);
}

static void a_failure_for_good_ends_the_wait(void **state) {
    (void)state;
    static const int errors[] = {EROFS, EIO};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct spool *spool = open_watched(1000, 20 * SECOND);
        uint64_t waiting, saved = spool_end(spool);
        watched_fail(CALL_OPEN, 1, ULONG_MAX, errors[i]);
        append_surely(spool, 1, false);
        append_surely(spool, 2, true);
        int64_t began = clock_monotonic();
        assert_int_equal(spool_sync(spool, 60 * SECOND), -errors[i]);
        assert_true(clock_monotonic() - began < 30 * SECOND);
        assert_int_equal(spool_saved(spool, &waiting), saved);
        assert_int_equal(waiting, 1);
        watched_fail(DISK_CALLS, 0, 0, 0);
        spool_release(spool, spool_end(spool), NULL, 0);
        assert_int_equal(spool_sync(spool, 60 * SECOND), 0);
        assert_int_equal(spool_saved(spool, &waiting), spool_end(spool));
        assert_int_equal(waiting, 0);
        spool_close(spool);
    }
}

/* Somebody may make room. */
static void a_full_disk_is_waited_for(void **state) {
    (void)state;
    struct spool *spool = open_watched(1000, 20 * SECOND);
    watched_fail(CALL_WRITE, 1, 50, ENOSPC);
    append_surely(spool, 1, false);
    assert_int_equal(spool_sync(spool, 60 * SECOND), 0);
    assert_int_equal(watched_failed(), 50);
    spool_close(spool);
}

static void *let_go_on(void *context) {
    (void)context;
    usleep(SECOND / 10); /* meanwhile spool_close() begins; else the test finds nothing, and passes */
    watched_hang(false);
    return NULL;
}

/* It is tried once more although the first trial began before the end. */
static void a_failure_under_way_is_not_the_last_trial(void **state) {
    (void)state;
    pthread_t thread;
    struct spool *spool = open_watched(20 * SECOND, 20 * SECOND);
    assert_int_equal(spool_sync(spool, 20 * SECOND), 0);
    watched_hang(true);
    watched_fail(CALL_SYNC, 1, 1, EIO);
    append_surely(spool, 1, false);
    assert_int_equal(pthread_create(&thread, NULL, let_go_on, NULL), 0);
    spool_close(spool);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(watched_failed(), 1);
    spool = open_watched(20 * SECOND, 20 * SECOND);
    assert_int_equal(statistics_of(spool).found, 1);
    spool_close(spool);
}

/* Both limits are far below a minute, after which the test is over. */
static void leave_a_hung_disk(int64_t close_limit, int64_t sync_limit) {
    char text[4096];
    struct logged logged;
    struct spool *spool = open_watched(1000, close_limit);
    assert_int_equal(spool_sync(spool, 20 * SECOND), 0);
    watched_hang(true);
    append_surely(spool, 1, false);
    logged_begin(&logged);
    if (sync_limit > 0)
        assert_int_equal(spool_sync(spool, sync_limit), -ETIMEDOUT);
    spool_close(spool);
    logged_end(&logged, text, sizeof text);
    assert_non_null(strstr(text, "the disk does not answer, 1 records"));
    watched_hang(false);
    /* The thread comes to its end: it gives the folder's lock back. */
    const struct spool_options options = fixture_options();
    const struct spool_settings settings = fixture_settings();
    struct error error = {0};
    int64_t end = clock_monotonic() + 20 * SECOND;
    while (spool_open_with(&options, &settings, &spool, &error) < 0) {
        assert_true(clock_monotonic() < end);
        usleep(1000);
    }
    assert_int_equal(statistics_of(spool).found, 1);
    spool_close(spool);
}

static void a_disk_that_does_not_answer_is_left(void **state) {
    (void)state;
    leave_a_hung_disk(SECOND / 10, 0);
}

/* That was wait enough. */
static void it_is_left_at_once_after_a_sync_in_vain(void **state) {
    (void)state;
    leave_a_hung_disk(INT64_C(3600) * SECOND, SECOND / 10);
}

int main(void) {
#define closing_case(function) cmocka_unit_test_setup_teardown(function, watched_begin, watched_end)
    const struct CMUnitTest tests[] = {
        closing_case(a_failure_for_good_ends_the_wait),
        closing_case(a_full_disk_is_waited_for),
        closing_case(a_failure_under_way_is_not_the_last_trial),
        closing_case(a_disk_that_does_not_answer_is_left),
        closing_case(it_is_left_at_once_after_a_sync_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
