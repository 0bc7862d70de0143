/* When it is said that records wait, and how often. */
#include "sink/kafka/kafka_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static struct kafka_link link_;
static int error_output, pipe_ends[2];
static char said[4096];

static int begin(void **state) {
    (void)state;
    fflush(stderr);
    error_output = dup(STDERR_FILENO);
    if (pipe(pipe_ends) != 0 || dup2(pipe_ends[1], STDERR_FILENO) < 0)
        return -1;
    kafka_link_init(&link_, "out", "flows", 2 * SECOND);
    return 0;
}

static int end(void **state) {
    (void)state;
    fflush(stderr);
    dup2(error_output, STDERR_FILENO);
    close(error_output);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return 0;
}

/* What was said since the last call. */
static const char *lines(void) {
    fflush(stderr);
    if (write(pipe_ends[1], ".", 1) != 1) /* so that there is something to read */
        return "";
    ssize_t length = read(pipe_ends[0], said, sizeof said - 1);
    said[length - 1] = '\0';
    return said;
}

/* Each tenth of a second from `from` up to `to`, with a record that was handed over at `oldest`; 0: none. */
static void look(int64_t from, int64_t to, int64_t oldest) {
    for (int64_t now = from; now < to; now += SECOND / 10)
        kafka_link_look(&link_, &(struct kafka_sight){.now = now,
                                                      .oldest_age = oldest == 0 ? 0 : now - oldest,
                                                      .waiting = oldest == 0 ? 0 : 5,
                                                      .reason = "refused"});
}

static void nothing_is_said_while_records_flow(void **state) {
    (void)state;
    for (int64_t second = 100; second < 200; second++)
        look(second * SECOND, (second + 1) * SECOND, (second - 1) * SECOND);
    look(200 * SECOND, 300 * SECOND, 0);
    assert_string_equal(lines(), "");
    assert_int_equal(link_.waiting, 0);
    assert_int_equal(link_.flowing, 0);
}

static void one_line_when_it_goes_and_one_when_it_is_back(void **state) {
    (void)state;
    kafka_link_lost(&link_, 100 * SECOND);
    look(100 * SECOND, 103 * SECOND, 0);
    assert_string_equal(lines(), "");
    kafka_link_lost(&link_, 103 * SECOND); /* the client says it again */
    look(103 * SECOND, 145 * SECOND, 103 * SECOND);
    const char *text = lines();
    assert_non_null(strstr(
        text,
        "warning: output \"out\": topic flows: the broker has been away for 3.0 s: refused; 5 records wait"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_int_equal(link_.waiting, 100 * SECOND);
    kafka_link_connected(&link_);
    look(145 * SECOND, 190 * SECOND, 0);
    assert_string_equal(
        lines(),
        "flowsensor: output \"out\": topic flows: the broker is back after 45.0 s; 5 records waited\n");
    assert_int_equal(link_.waiting, 0);
    assert_int_equal(link_.flowing, 145 * SECOND);
}

/* The connection stands, and nothing comes back: the client says nothing. */
static void a_broker_that_only_listens(void **state) {
    (void)state;
    look(100 * SECOND, 106 * SECOND, 100 * SECOND);
    assert_string_equal(lines(), "");
    look(106 * SECOND, 140 * SECOND, 100 * SECOND);
    assert_non_null(strstr(lines(), "topic flows: the broker acknowledges nothing for 6."));
    assert_int_equal(link_.waiting, 100 * SECOND);
    /* It works its way through what waits, which is old. */
    for (int64_t second = 0; second < 30; second++)
        look((140 + second) * SECOND, (141 + second) * SECOND, (101 + second) * SECOND);
    assert_non_null(strstr(lines(), "the broker is back after 40.0 s"));
    assert_int_equal(link_.waiting, 0);
    assert_string_equal(lines(), "");
}

static void one_that_comes_and_goes_is_told_once_a_minute(void **state) {
    (void)state;
    for (int64_t second = 100; second < 220; second += 10) {
        kafka_link_lost(&link_, second * SECOND);
        look(second * SECOND, (second + 7) * SECOND, 0);
        kafka_link_connected(&link_);
        look((second + 7) * SECOND, (second + 10) * SECOND, 0);
    }
    int away = 0, back = 0;
    for (const char *at = lines(); (at = strstr(at, "the broker ")) != NULL; at++)
        *(strncmp(at, "the broker has been away", 18) == 0 ? &away : &back) += 1;
    assert_int_equal(away, 2);
    assert_int_equal(back, 2);
}

static void a_connection_that_is_made_again_is_no_news(void **state) {
    (void)state;
    for (int64_t second = 100; second < 2000; second += 100) {
        kafka_link_lost(&link_, second * SECOND);
        look(second * SECOND, (second + 2) * SECOND, 0);
        kafka_link_connected(&link_);
        look((second + 2) * SECOND, (second + 100) * SECOND, 0);
    }
    assert_string_equal(lines(), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_said_while_records_flow, begin, end),
        cmocka_unit_test_setup_teardown(one_line_when_it_goes_and_one_when_it_is_back, begin, end),
        cmocka_unit_test_setup_teardown(a_broker_that_only_listens, begin, end),
        cmocka_unit_test_setup_teardown(one_that_comes_and_goes_is_told_once_a_minute, begin, end),
        cmocka_unit_test_setup_teardown(a_connection_that_is_made_again_is_no_news, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
