/* Asking and giving between two threads. */
#include "app/account/account_request.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define SECOND INT64_C(1000000)
enum { TIMES = 20000 };

static struct account_request request;
static unsigned lying; /* beside the request: its owner changes with each question and each giving */

static void *give_all(void *context) {
    (void)context;
    for (int i = 0; i < TIMES; i++) {
        while (!account_request_is_asked(&request))
            ;
        lying++;
        account_request_give(&request);
    }
    return NULL;
}

static void what_lies_beside_changes_hands(void **state) {
    (void)state;
    pthread_t giver;
    pthread_create(&giver, NULL, give_all, NULL);
    for (unsigned i = 0; i < TIMES; i++) {
        assert_true(account_request_is_given(&request));
        assert_int_equal(lying, i);
        account_request_ask(&request);
        int64_t began = clock_monotonic();
        account_request_wait(&request, began + 30 * SECOND);
        assert_true(account_request_is_given(&request));
    }
    pthread_join(giver, NULL);
    assert_int_equal(lying, TIMES);
}

static void waiting_ends_at_its_end(void **state) {
    (void)state;
    request = (struct account_request){0};
    assert_false(account_request_is_asked(&request));
    account_request_ask(&request);
    assert_true(account_request_is_asked(&request));
    int64_t began = clock_monotonic();
    account_request_wait(&request, began + SECOND / 20);
    assert_false(account_request_is_given(&request));
    assert_true(clock_monotonic() - began >= SECOND / 20);
    /* Who gives late has given all the same. */
    account_request_give(&request);
    assert_true(account_request_is_given(&request));
    assert_false(account_request_is_asked(&request));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_beside_changes_hands),
        cmocka_unit_test(waiting_ends_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
