/* No memory for something of the spool: the opening fails with its line and leaves nothing, or all works a moment later. */
#include "sink/spool/spool_fixture.h"

#include "faults.h"

static const char *spool_folder;

static int use(void) {
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    const struct spool_lane lanes[] = {{0, 20}, {1, 30}};
    struct spool *spool = NULL;
    struct spool_record record;
    struct error error = {0};
    options.directory = spool_folder;
    int result = spool_open_with(&options, &settings, &spool, &error);
    if (result < 0) {
        assert_true(error.exit_code == EX_OSERR && error.text[0] != '\0');
        return result;
    }
    for (uint64_t seq = 1; seq <= 40; seq++)
        append_surely(spool, seq, false);
    for (int i = 0; i < 30; i++) {
        assert_true(read_next(spool, &record));
        spool_take(spool, &record);
    }
    spool_release(spool, record.position - 5, lanes, 2);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    assert_int_equal(statistics_of(spool).damaged, 0);
    assert_closed_account(spool);
    spool_close(spool);
    return 0;
}

static void on_disk(void **state) {
    (void)state;
    fixture_begin();
    spool_folder = folder;
    each_allocation_fails(use);
    fixture_end();
}

static void in_memory(void **state) {
    (void)state;
    spool_folder = NULL;
    each_allocation_fails(use);
}

static void without_a_thread(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    struct spool *spool = NULL;
    struct error error = {0};
    faults_fail_call *let_fail = find_faults();
    options.directory = NULL;
    let_fail("thread", 1);
    assert_true(spool_open_with(&options, &settings, &spool, &error) < 0);
    assert_true(let_fail("thread", 0));
    assert_int_equal(error.exit_code, EX_OSERR);
    assert_non_null(strstr(error.text, "no thread"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_disk),
        cmocka_unit_test(in_memory),
        cmocka_unit_test(without_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
