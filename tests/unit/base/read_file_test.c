#include "base/read_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_file_is_read(void **state) {
    (void)state;
    FILE *file = read_file_open("/proc/self/comm");
    assert_non_null(file);
    assert_int_not_equal(fgetc(file), EOF);
    fclose(file);
}

static void a_file_that_is_not_there_is_none(void **state) {
    (void)state;
    assert_null(read_file_open("/nonexistent/file"));
    assert_int_equal(errno, ENOENT);
}

static void a_pipe_without_a_writer_is_empty(void **state) {
    (void)state;
    unlink("read_file_test_fifo"); /* of a run that failed */
    assert_int_equal(mkfifo("read_file_test_fifo", 0600), 0);
    FILE *file = read_file_open("read_file_test_fifo");
    unlink("read_file_test_fifo");
    assert_non_null(file);
    assert_int_equal(fgetc(file), EOF);
    assert_false(ferror(file));
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(a_file_that_is_not_there_is_none),
        cmocka_unit_test(a_pipe_without_a_writer_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
