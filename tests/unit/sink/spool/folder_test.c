/* Whose the folder is, and who may use it. */
#include "sink/spool/watched_fixture.h"

static void only_the_owner_may_read(void **state) {
    (void)state;
    static const mode_t masks[] = {0, 0777};
    for (int i = 0; i < 2; i++) {
        char path[64];
        struct stat status;
        struct spool_options options = fixture_options();
        struct spool_settings settings = fixture_settings();
        snprintf(path, sizeof path, "%s/made%d/here", folder, i);
        options.directory = path;
        mode_t mask = umask(masks[i]);
        struct spool *spool = fixture_open_with(&options, &settings);
        append_surely(spool, 1, false);
        spool_close(spool);
        umask(mask);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
        static const char *const names[] = {"00000000000000000001.spool", "cursor", "lock"};
        for (int j = 0; j < 3; j++) {
            char file[128];
            snprintf(file, sizeof file, "%s/%s", path, names[j]);
            if (j == 1 && stat(file, &status) < 0)
                continue; /* nothing was released */
            assert_int_equal(stat(file, &status), 0);
            assert_int_equal(status.st_mode & 07777, 0600);
        }
    }
}

static void assert_refused(const struct spool_options *options, int exit_code, const char *part) {
    struct spool_settings settings = fixture_settings();
    struct error error = {0};
    struct spool *spool = NULL;
    settings.disk = &watched_disk;
    assert_true(spool_open_with(options, &settings, &spool, &error) < 0);
    assert_null(spool);
    assert_int_equal(error.exit_code, exit_code);
    if (!strstr(error.text, part))
        fail_msg("%s", error.text);
}

static void a_folder_that_is_not_ours_alone_is_refused(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    chmod(folder, 0770);
    assert_refused(&options, EX_CONFIG, "chmod 700");
    chmod(folder, 0702);
    assert_refused(&options, EX_CONFIG, "chmod 700");
    chmod(folder, 0700);
    struct spool *spool = fixture_open();
    assert_refused(&options, EX_CONFIG, "another process");
    spool_close(spool);
    options.directory = path_of("lock");
    assert_refused(&options, EX_CANTCREAT, "Not a directory");
    options.directory = path_of("lock/below");
    assert_refused(&options, EX_CANTCREAT, "Not a directory");
    options.directory = "";
    assert_refused(&options, EX_CANTCREAT, "No such file");
    options.directory = path_of("without_room");
    assert_int_equal(mkdir(options.directory, 0700), 0);
    watched_fail(CALL_OPEN, 2, 1, ENOSPC);
    assert_refused(&options, EX_CANTCREAT, "no lock file can be made: No space");
    watched_fail(CALL_STATUS, 1, 1, EIO);
    assert_refused(&options, EX_CANTCREAT, "without_room: Input/output error");
    watched_fail(CALL_OPEN, 4, 1, EMFILE);
    assert_refused(&options, EX_CANTCREAT, "can't be listed");
    if (geteuid() == 0) {
        assert_int_equal(chown(folder, 12345, 12345), 0);
        options.directory = folder;
        assert_refused(&options, EX_CONFIG, "belongs to user 12345");
        assert_int_equal(chown(folder, 0, 0), 0);
    }
}

static void a_size_without_room_is_refused(void **state) {
    (void)state;
    struct spool_options options = fixture_options();
    struct spool *spool = NULL;
    struct error error = {0};
    options.size = (4 << 20) - 1;
    assert_int_equal(spool_open(&options, &spool, &error), -EINVAL);
    assert_int_equal(error.exit_code, EX_CONFIG);
    char *text = calloc(1, 5000);
    memset(text, 'x', 4999);
    options.origin.schema_text = text;
    assert_refused(&options, EX_CONFIG, "schema");
    free(text);
}

int main(void) {
#define folder_case(function) cmocka_unit_test_setup_teardown(function, watched_begin, watched_end)
    const struct CMUnitTest tests[] = {
        folder_case(only_the_owner_may_read),
        folder_case(a_folder_that_is_not_ours_alone_is_refused),
        folder_case(a_size_without_room_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
