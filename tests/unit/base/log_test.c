#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "logged.h"

static char written[32768];

/* Logs one message with standard error turned into a pipe; what one read() gives is in `written`. */
static void log_into_pipe(enum log_level level, enum log_format format, const char *message) {
    struct logged logged;
    logged_begin(&logged);
    log_configure(LOG_INFO, format);
    log_line(level, "%s", message);
    logged_end(&logged, written, sizeof written);
}

static void plain_lines_name_the_level(void **state) {
    (void)state;
    log_into_pipe(LOG_WARNING, LOG_PLAIN, "queue full");
    assert_string_equal(written, "flowsensor: warning: queue full\n");
    log_into_pipe(LOG_INFO, LOG_PLAIN, "ready");
    assert_string_equal(written, "flowsensor: ready\n");
}

static void a_draft_is_one_line(void **state) {
    (void)state;
    struct logged logged;
    struct log_draft draft;
    log_configure(LOG_INFO, LOG_PLAIN);
    logged_begin(&logged);
    FILE *stream = log_draft_begin(&draft);
    fputs("read 12", stream);
    fprintf(stream, ", held %d", 3);
    log_draft_end(&draft, LOG_INFO);
    logged_end(&logged, written, sizeof written);
    assert_string_equal(written, "flowsensor: read 12, held 3\n");
}

static void lower_levels_are_silent(void **state) {
    (void)state;
    log_into_pipe(LOG_DEBUG, LOG_PLAIN, "detail");
    assert_string_equal(written, "");
}

static void plain_text_is_escaped(void **state) {
    (void)state;
    log_into_pipe(LOG_ERROR, LOG_PLAIN, "a\nb\x1b[2J \xc3\xa9 \xff \xc2\x9b");
    assert_string_equal(written, "flowsensor: error: a\\x0ab\\x1b[2J \xc3\xa9 \\xff \\xc2\\x9b\n");
}

static void json_has_three_members(void **state) {
    (void)state;
    log_into_pipe(LOG_ERROR, LOG_JSON, "say \"hi\" \\ \t\xf0\x9f\x98\x80");
    static const char pattern[] = "{\"ts\":\"2ddd-dd-ddTdd:dd:dd.ddddddZ\",";
    size_t used = sizeof pattern - 1;
    for (size_t i = 0; i < used; i++)
        assert_true(pattern[i] == 'd' && i > 7 ? written[i] >= '0' && written[i] <= '9'
                                               : written[i] == pattern[i]);
    assert_string_equal(written + used,
                        "\"level\":\"error\",\"message\":\"say \\\"hi\\\" \\\\ \\u0009\xf0\x9f\x98\x80\"}\n");
}

static void json_is_always_utf8(void **state) {
    (void)state;
    /* Alone, overlong, a surrogate, beyond U+10FFFF, cut at the end. */
    log_into_pipe(LOG_ERROR, LOG_JSON, "\x80|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82");
    assert_non_null(strstr(written, "\"message\":\"\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|"
                                    "\\ufffd\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\"}\n"));
}

static void a_long_message_is_cut_but_whole(void **state) {
    (void)state;
    static char message[10000];
    memset(message, '\x01', sizeof message - 1);
    log_into_pipe(LOG_ERROR, LOG_JSON, message);
    size_t length = strlen(written);
    assert_true(length > 12000 && length < 13000);
    assert_string_equal(written + length - 3, "\"}\n");
}

static void names_are_parsed(void **state) {
    (void)state;
    enum log_level level = LOG_ERROR;
    enum log_format format = LOG_PLAIN;
    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_level_parse("loud", &level), -EINVAL);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_format_parse("json", &format), 0);
    assert_int_equal(format, LOG_JSON);
    assert_int_equal(log_format_parse("xml", &format), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_name_the_level), cmocka_unit_test(lower_levels_are_silent),
        cmocka_unit_test(plain_text_is_escaped),      cmocka_unit_test(json_has_three_members),
        cmocka_unit_test(json_is_always_utf8),        cmocka_unit_test(a_long_message_is_cut_but_whole),
        cmocka_unit_test(names_are_parsed),           cmocka_unit_test(a_draft_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
