/* What librdkafka's error texts become. */
#include "sink/kafka/kafka_errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, const char *expected) {
    char copy[200];
    kafka_error_text(text, copy, sizeof copy);
    assert_string_equal(copy, expected);
}

static void what_we_cut_had_no_answer(void **state) {
    (void)state;
    check(
        "b:9092/1: Connect to ipv4#192.0.2.1:9092 failed: Connection reset by peer (after 3201ms in state CONNECT)",
        "b:9092/1: Connect to ipv4#192.0.2.1:9092 failed: no answer (after 3201ms in state CONNECT)");
}

static void other_texts_stay(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "b:9092/1: Connect to ipv4#192.0.2.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
        "b:9092/1: Connect to ipv4#192.0.2.1:9092 failed: Connection reset by peer (after 2ms in state CONNECT)",
        "b:9092/1: Receive failed: Connection reset by peer (after 4000ms in state UP)",
        "b:9092/1: Connection reset by peer (after ",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check(texts[i], texts[i]);
}

static void a_long_one_is_cut(void **state) {
    (void)state;
    char copy[8];
    kafka_error_text("Connect: Connection reset by peer (after 5000ms in state CONNECT)", copy, sizeof copy);
    assert_string_equal(copy, "Connect");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_cut_had_no_answer),
        cmocka_unit_test(other_texts_stay),
        cmocka_unit_test(a_long_one_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
