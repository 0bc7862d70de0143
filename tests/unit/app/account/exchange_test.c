/* Snapshots on their way between threads: consistent, and nobody waits for who hangs. */
#include "app/account/exchange.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define SECOND INT64_C(1000000)

static atomic_bool ending;

/* A loop that counts, and gives a snapshot when it is asked. */
static void *give(void *context) {
    struct exchange *exchange = context;
    uint64_t packets = 0;
    while (!atomic_load(&ending)) {
        packets++;
        if (!account_request_is_asked(&exchange->request))
            continue;
        struct snapshot *snapshot = exchange_begin(exchange);
        assert_int_equal(snapshot->ledger.intake.packets, 0);
        snapshot->ledger.intake.packets = packets;
        snapshot->ledger.intake.ignored[DECODE_METERED] = packets;
        snapshot->ledger.applications.counts[2].flows = packets;
        exchange_give(exchange);
    }
    return NULL;
}

static void who_asks_gets_one_of_now(void **state) {
    (void)state;
    static struct exchange exchange;
    pthread_t giver;
    uint64_t last = 0;
    assert_int_equal(exchange_open(&exchange, 3), 0);
    atomic_store(&ending, false);
    pthread_create(&giver, NULL, give, &exchange);
    for (int i = 0; i < 2000; i++) {
        int64_t asked = clock_monotonic();
        const struct snapshot *snapshot = exchange_fetch(&exchange, 10 * SECOND, 0);
        assert_non_null(snapshot);
        assert_true(snapshot->time >= asked);
        assert_true(snapshot->ledger.intake.packets > last);
        assert_int_equal(snapshot_packets_residual(snapshot), 0);
        assert_int_equal(snapshot->ledger.applications.counts[2].flows, snapshot->ledger.intake.packets);
        last = snapshot->ledger.intake.packets;
    }
    atomic_store(&ending, true);
    pthread_join(giver, NULL);
    exchange_close(&exchange);
}

static void who_hangs_is_waited_for_once(void **state) {
    (void)state;
    static struct exchange exchange;
    assert_int_equal(exchange_open(&exchange, 0), 0);
    int64_t began = clock_monotonic();
    assert_null(exchange_fetch(&exchange, SECOND / 5, 0));
    int64_t waited = clock_monotonic() - began;
    assert_in_range(waited, SECOND / 5, 2 * SECOND);
    began = clock_monotonic();
    assert_null(exchange_fetch(&exchange, SECOND / 5, 0));
    assert_in_range(clock_monotonic() - began, 0, SECOND / 10);
    /* It moves again: what it gives then is told. */
    assert_true(account_request_is_asked(&exchange.request));
    exchange_begin(&exchange)->ledger.intake.packets = 7;
    exchange_give(&exchange);
    assert_false(account_request_is_asked(&exchange.request));
    assert_null(exchange_begin(&exchange));
    const struct snapshot *snapshot = exchange_fetch(&exchange, SECOND / 5, 0);
    assert_non_null(snapshot);
    assert_int_equal(snapshot->ledger.intake.packets, 7);
    exchange_close(&exchange);
}

static void a_young_one_is_not_asked_for_again(void **state) {
    (void)state;
    static struct exchange exchange;
    assert_int_equal(exchange_open(&exchange, 0), 0);
    assert_null(exchange_fetch(&exchange, 0, SECOND));
    exchange_give(&exchange);
    assert_non_null(exchange_fetch(&exchange, 0, 100 * SECOND));
    assert_false(account_request_is_asked(&exchange.request));
    assert_non_null(exchange_fetch(&exchange, 0, 0));
    assert_true(account_request_is_asked(&exchange.request));
    exchange_close(&exchange);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_gets_one_of_now),
        cmocka_unit_test(who_hangs_is_waited_for_once),
        cmocka_unit_test(a_young_one_is_not_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
