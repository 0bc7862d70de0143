/* The line is read again as it was given, secrets too, and the file as it is then. */
#include "app/command/line_again.h"

#include <errno.h>
#include <sys/stat.h>

#include "app/command/command_line.h"
#include "app/config_text.h"

static void rewrite(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void a_line_is_read_again_with_the_file_of_now(void **state) {
    (void)state;
    char *path = text_file("", 0);
    char program[] = "flowsensor", set[] = "--set", secret[] = "outputs.0.kafka=sasl.password=xyz",
         file[] = "a.pcap", flag[] = "-c";
    char *words[] = {program, file, set, secret, flag, path, NULL};
    const int count = sizeof words / sizeof *words - 1;
    struct line_again line;
    struct command_request request = {0};
    struct config config, again;
    struct error error = {0};
    rewrite(path, "meter = { idle_timeout = \"1s\"; }; outputs = ( { topic = \"t\"; } );");
    assert_int_equal(line_again_keep(&line, count, words), 0);
    config_defaults(&config);
    assert_int_equal(command_line_parse(count, words, &request, &config, &error), 0);
    line.path = request.path;
    assert_null(strstr(secret, "xyz")); /* hidden from who looks at the process */
    rewrite(path, "meter = { idle_timeout = \"2s\"; }; outputs = ( { topic = \"t\"; } );");
    for (int i = 0; i < 2; i++) {
        if (line_again_read(&line, &again, &error) < 0)
            fail_msg("%s", error.text);
        assert_int_equal(again.meter.idle_timeout, 2000000);
        assert_string_equal(again.outputs[0].kafka.items[0], "sasl.password=xyz");
        assert_string_equal(again.capture.files.items[0], "a.pcap");
        config_release(&again);
    }
    rewrite(path, "meter = { idle_timeout = 2; };");
    assert_true(line_again_read(&line, &again, &error) < 0);
    assert_line(&error, EX_CONFIG, "has no unit");
    config_release(&again);
    config_release(&config);
    line_again_release(&line);
    unlink(path);
    free(path);
}

static void a_pipe_is_not_read_again(void **state) {
    (void)state;
    char *path = text_file("", 0);
    char program[] = "flowsensor", flag[] = "-c";
    char *words[] = {program, flag, path, NULL};
    struct line_again line;
    struct config again;
    struct error error = {0};
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(line_again_keep(&line, 3, words), 0);
    line.path = path;
    assert_int_equal(line_again_read(&line, &again, &error), -EINVAL);
    assert_line(&error, EX_CONFIG, "is no regular file, so it can't be read again");
    config_release(&again);
    line_again_release(&line);
    unlink(path);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read_again_with_the_file_of_now),
        cmocka_unit_test(a_pipe_is_not_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
