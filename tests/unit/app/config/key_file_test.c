/* Key files: how much is read of what, and how long somebody waits. */
#include "app/config/key_file.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "app/config_text.h"
#include "base/clock.h"
#include "scratch.h"

enum {
    SHORT_WAIT = 50000,
    LONG_WAIT = 20000000, /* longer than any test takes */
};

static int read_key(const char *path, int64_t wait, char *content, size_t *length, struct error *error) {
    const struct key_file file = {.option = "some.key_file", .path = path, .wait = wait};
    memset(content, '?', KEY_FILE_SIZE_MAX);
    return key_file_read(&file, content, length, error);
}

static void assert_read(const char *path, int64_t wait, const char *expected, size_t expected_length) {
    char content[KEY_FILE_SIZE_MAX];
    size_t length = 0;
    struct error error = {0};
    if (read_key(path, wait, content, &length, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(length, expected_length);
    assert_memory_equal(content, expected, length);
}

static char *descriptor_path(int descriptor) {
    char *path;
    assert_true(asprintf(&path, "/dev/fd/%d", descriptor) > 0);
    return path;
}

static void a_file_is_read_as_far_as_a_key_may_go(void **state) {
    (void)state;
    char large[KEY_FILE_SIZE_MAX + 1000];
    memset(large, 'a', sizeof large);
    static const size_t lengths[] = {0, 1, 64, KEY_FILE_SIZE_MAX - 1, KEY_FILE_SIZE_MAX, sizeof large};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *path = text_file(large, lengths[i]);
        size_t expected = lengths[i] < KEY_FILE_SIZE_MAX ? lengths[i] : KEY_FILE_SIZE_MAX;
        assert_read(path, 0, large, expected);
        unlink(path);
        free(path);
    }
}

static void a_file_without_an_end_is_no_danger(void **state) {
    (void)state;
    static const char zeros[KEY_FILE_SIZE_MAX];
    assert_read("/dev/zero", LONG_WAIT, zeros, sizeof zeros);
}

static void what_is_no_file_is_told(void **state) {
    (void)state;
    char content[KEY_FILE_SIZE_MAX];
    size_t length;
    struct error error = {0};
    assert_int_equal(read_key("/tmp/flowsensor-no-key", 0, content, &length, &error), -ENOENT);
    assert_line(&error, EX_NOINPUT, "some.key_file /tmp/flowsensor-no-key: No such file");
    assert_int_equal(read_key("/tmp", 0, content, &length, &error), -EISDIR);
    assert_line(&error, EX_NOINPUT, "some.key_file /tmp: Is a directory");
}

static void a_fifo_that_nobody_writes_is_waited_for_and_given_up(void **state) {
    (void)state;
    char content[KEY_FILE_SIZE_MAX];
    char folder[SCRATCH_SIZE];
    size_t length;
    char *path;
    assert_non_null(scratch_make(folder));
    assert_true(asprintf(&path, "%s/fifo", folder) > 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    static const int64_t waits[] = {0, SHORT_WAIT};
    for (size_t i = 0; i < 2; i++) {
        struct error error = {0};
        int64_t began = clock_monotonic();
        assert_int_equal(read_key(path, waits[i], content, &length, &error), -ETIMEDOUT);
        int64_t took = clock_monotonic() - began;
        assert_line(&error, EX_NOINPUT, "/fifo: nothing was written into this pipe in time; write the key");
        assert_true(took >= waits[i]);
        assert_true(took < LONG_WAIT / 2);
    }
    scratch_remove(folder);
    free(path);
}

/* The writer has what it wrote still in its pipe, which stays open: enough came, and nobody waits for the end of it. */
static void a_pipe_that_stays_open_gives_what_is_in_it(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    char *path = descriptor_path(ends[0]);
    assert_int_equal(write(ends[1], "0123", 4), 4);
    assert_read(path, SHORT_WAIT, "0123", 4);
    assert_int_equal(write(ends[1], "4567", 4), 4);
    assert_read(path, 0, "4567", 4);
    close(ends[1]);
    assert_read(path, LONG_WAIT, "", 0);
    close(ends[0]);
    free(path);
}

static void wait_until_read(int descriptor) {
    int unread = 1;
    while (unread > 0) {
        assert_int_equal(ioctl(descriptor, FIONREAD, &unread), 0);
        sched_yield();
    }
}

/* Writes in two parts, the second when the first was read, as a slow program does. */
static void *write_in_parts(void *context) {
    int descriptor = *(int *)context;
    assert_int_equal(write(descriptor, "0123", 4), 4);
    wait_until_read(descriptor);
    assert_int_equal(write(descriptor, "4567", 4), 4);
    close(descriptor);
    return NULL;
}

static void a_pipe_is_read_to_its_end(void **state) {
    (void)state;
    int ends[2];
    pthread_t writer;
    assert_int_equal(pipe(ends), 0);
    char *path = descriptor_path(ends[0]);
    assert_int_equal(pthread_create(&writer, NULL, write_in_parts, &ends[1]), 0);
    assert_read(path, LONG_WAIT, "01234567", 8);
    pthread_join(writer, NULL);
    close(ends[0]);
    free(path);
}

static void a_file_that_others_can_use_is_refused_if_it_must_be_private(void **state) {
    (void)state;
    char content[KEY_FILE_SIZE_MAX];
    size_t length;
    struct error error = {0};
    char *path = text_file("0123", 4);
    struct key_file file = {.option = "some.key_file", .path = path, .is_private = true};
    assert_int_equal(key_file_read(&file, content, &length, &error), 0);
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(key_file_read(&file, content, &length, &error), -EACCES);
    assert_line(&error, EX_CONFIG,
                "(mode 0604): only its owner, and a group of this process to read it; run: chmod 600 ");
    file.is_private = false;
    assert_int_equal(key_file_read(&file, content, &length, &error), 0);
    static const mode_t written_by_others[] = {0602, 0620, 0666};
    for (size_t i = 0; i < sizeof written_by_others / sizeof *written_by_others; i++) {
        assert_int_equal(chmod(path, written_by_others[i]), 0);
        assert_int_equal(key_file_read(&file, content, &length, &error), -EACCES);
        assert_line(&error, EX_CONFIG, "others than its owner may write it (mode 06");
    }
    unlink(path);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_as_far_as_a_key_may_go),
        cmocka_unit_test(a_file_without_an_end_is_no_danger),
        cmocka_unit_test(what_is_no_file_is_told),
        cmocka_unit_test(a_fifo_that_nobody_writes_is_waited_for_and_given_up),
        cmocka_unit_test(a_pipe_that_stays_open_gives_what_is_in_it),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(a_file_that_others_can_use_is_refused_if_it_must_be_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
