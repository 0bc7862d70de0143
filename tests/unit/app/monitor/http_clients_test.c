/* Who is cut off when too many come, or when one takes too long. */
#include "app/monitor/http_clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

enum { PAIRS = HTTP_CLIENTS_MAX + 10 };

static struct http_clients clients;
static struct http_client *places[PAIRS];
static int ours[PAIRS], theirs[PAIRS];

static int open_pairs(void **state) {
    (void)state;
    http_clients_init(&clients);
    for (int i = 0; i < PAIRS; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
            return -1;
        ours[i] = pair[0];
        theirs[i] = pair[1];
    }
    return 0;
}

static int close_pairs(void **state) {
    (void)state;
    for (int i = 0; i < PAIRS; i++) {
        close(ours[i]);
        close(theirs[i]);
    }
    return 0;
}

static void add(int number, int64_t now) {
    places[number] = http_clients_add(&clients, ours[number], now);
    assert_non_null(places[number]);
}

/* The client's side finds the end of the connection. */
static bool is_cut(int number) {
    char byte;
    return recv(theirs[number], &byte, 1, MSG_DONTWAIT) == 0;
}

static void the_oldest_makes_room(void **state) {
    (void)state;
    for (int i = 0; i < HTTP_CLIENTS_MAX; i++)
        add(i, i * SECOND / 100);
    assert_false(is_cut(0));
    http_client_answered(places[0], SECOND); /* it is the youngest now */
    add(HTTP_CLIENTS_MAX, SECOND);
    assert_false(is_cut(0));
    assert_true(is_cut(1));
    assert_false(is_cut(2));
    /* One that is cut off and not closed yet is cut off once. */
    add(HTTP_CLIENTS_MAX + 1, SECOND);
    assert_true(is_cut(2));
    assert_false(is_cut(3));
    /* Where one has gone by itself nobody is cut off. */
    http_client_remove(places[1]);
    http_client_remove(places[2]);
    http_client_remove(places[3]);
    add(HTTP_CLIENTS_MAX + 2, SECOND);
    assert_false(is_cut(4));
}

static void there_is_no_more_room_than_there_is(void **state) {
    (void)state;
    for (int i = 0; i < HTTP_CLIENTS_ROOM; i++)
        assert_non_null(http_clients_add(&clients, ours[i % PAIRS], i));
    assert_null(http_clients_add(&clients, ours[0], HTTP_CLIENTS_ROOM));
    http_client_remove(&clients.places[5]);
    assert_ptr_equal(http_clients_add(&clients, ours[0], HTTP_CLIENTS_ROOM), &clients.places[5]);
}

static void a_request_has_its_time(void **state) {
    (void)state;
    add(0, 0);
    add(1, 0);
    add(2, SECOND);
    http_client_answered(places[1], 2 * SECOND);
    http_clients_sweep(&clients, HTTP_REQUEST_MICROSECONDS);
    assert_false(is_cut(0));
    http_clients_sweep(&clients, HTTP_REQUEST_MICROSECONDS + 1);
    assert_true(is_cut(0));
    assert_false(is_cut(1));
    assert_false(is_cut(2));
}

static void an_answer_has_its_time(void **state) {
    (void)state;
    add(0, 0);
    add(1, 0);
    http_client_asked(places[0], SECOND);
    http_client_asked(places[1], SECOND);
    http_client_answered(places[1], 2 * SECOND); /* it has 3 s for its next request, not 10 */
    http_clients_sweep(&clients, 2 * SECOND + HTTP_REQUEST_MICROSECONDS + 1);
    assert_false(is_cut(0));
    assert_true(is_cut(1));
    http_clients_sweep(&clients, SECOND + HTTP_ANSWER_MICROSECONDS);
    assert_false(is_cut(0));
    http_clients_sweep(&clients, SECOND + HTTP_ANSWER_MICROSECONDS + 1);
    assert_true(is_cut(0));
}

/* Who asks and doesn't read is no younger for it. */
static void asking_makes_nobody_younger(void **state) {
    (void)state;
    for (int i = 0; i < HTTP_CLIENTS_MAX; i++)
        add(i, i);
    http_client_asked(places[0], SECOND);
    add(HTTP_CLIENTS_MAX, SECOND);
    assert_true(is_cut(0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_makes_room, open_pairs, close_pairs),
        cmocka_unit_test_setup_teardown(there_is_no_more_room_than_there_is, open_pairs, close_pairs),
        cmocka_unit_test_setup_teardown(a_request_has_its_time, open_pairs, close_pairs),
        cmocka_unit_test_setup_teardown(an_answer_has_its_time, open_pairs, close_pairs),
        cmocka_unit_test_setup_teardown(asking_makes_nobody_younger, open_pairs, close_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
