/* What a live capture refuses to start with, and what it does without. */
#include "capture/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "capture/live/live_fixture.h"
#include "logged.h"

enum { TOO_MANY = 1040, CAPTURED_MAX = 1023 };

static void expect_refusal(const struct capture_options *options, int exit_code, const char *words) {
    struct capture *capture = NULL;
    struct error error = {0};
    assert_true(capture_open(options, &capture, &error) < 0);
    assert_null(capture);
    assert_int_equal(error.exit_code, exit_code);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" expected: %s", words, error.text);
}

static void numbers_that_the_kernel_does_not_take(void **state) {
    (void)state;
    struct capture_options snapshot = options_for("lo"), ring = snapshot, wait = snapshot;
    snapshot.snapshot_length = UINT32_MAX;
    ring.socket_buffer_size = UINT32_MAX;
    wait.poll_milliseconds = UINT32_MAX;
    expect_refusal(&snapshot, EX_USAGE, "below 2 GiB and 24 days");
    expect_refusal(&ring, EX_USAGE, "below 2 GiB and 24 days");
    expect_refusal(&wait, EX_USAGE, "below 2 GiB and 24 days");
}

static void an_interface_that_the_scope_leaves_out(void **state) {
    (void)state;
    need_namespace();
    struct capture_options options = options_for("lo");
    options.scope = CAPTURE_SCOPE_PODS;
    expect_refusal(&options, EX_CONFIG, "lo is left out by capture.scope");
}

static void an_interface_that_is_down(void **state) {
    (void)state;
    need_pair("down0", "down1");
    assert_true(IP("link", "set", "down0", "down"));
    struct capture_options options = options_for("down0");
    expect_refusal(&options, EX_NOINPUT, "down0 is down; ip link set down0 up");
    assert_true(IP("link", "del", "down0"));
}

/* Half as many pairs, by one ip(8). */
static bool make_many(void) {
    char path[] = "/tmp/flowsensor-many-XXXXXX";
    int descriptor = mkstemp(path);
    FILE *lines = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    assert_non_null(lines);
    for (int i = 0; i < TOO_MANY / 2; i++)
        fprintf(lines, "link add many%d type veth peer name many%dp\n", i, i);
    fclose(lines);
    bool good = IP("-batch", path);
    unlink(path);
    return good;
}

static void more_interfaces_than_there_is_room_for(void **state) {
    (void)state;
    need_namespace();
    struct capture_options options = options_for("many*");
    struct capture *capture = NULL;
    struct error error = {0};
    struct capture_statistics statistics;
    struct logged logged;
    char text[4096];
    if (!make_many())
        skip_because("no veth interfaces here");
    logged_begin(&logged);
    int result = capture_open(&options, &capture, &error);
    logged_end(&logged, text, sizeof text);
    assert_int_equal(result, 0);
    capture_statistics(capture, &statistics);
    assert_int_equal(statistics.interfaces_captured, CAPTURED_MAX);
    assert_int_equal(statistics.interfaces_left_out, TOO_MANY - CAPTURED_MAX);
    const char *line = strstr(text, "more than 1023 interfaces are chosen, and the rest is not captured");
    assert_non_null(line);
    assert_null(strstr(line + 1, "more than 1023")); /* it is said once */
    capture_close(capture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_the_kernel_does_not_take),
        cmocka_unit_test(an_interface_that_the_scope_leaves_out),
        cmocka_unit_test(an_interface_that_is_down),
        cmocka_unit_test(more_interfaces_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
