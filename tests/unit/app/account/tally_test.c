/* A thread's part of the ledger on its way to who asks: it closes at every moment. */
#include "app/account/tally.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/account/snapshot.h"

static atomic_bool ending;

struct counter {
    uint64_t packets, ignored[DECODE_REASON_COUNT];
    struct tally tally;
};

static void fill(const struct counter *counter, struct ledger *part) {
    part->intake.packets = counter->packets;
    memcpy(part->intake.ignored, counter->ignored, sizeof part->intake.ignored);
    part->applications.counts[1].flows = counter->packets;
}

static void *count(void *context) {
    struct counter *counter = context;
    while (!atomic_load(&ending)) {
        counter->packets++;
        counter->ignored[counter->packets % DECODE_REASON_COUNT]++;
        struct ledger *part = tally_begin(&counter->tally);
        if (!part)
            continue;
        fill(counter, part);
        account_request_give(&counter->tally.request);
    }
    fill(counter, tally_begin_last(&counter->tally));
    tally_end(&counter->tally);
    return NULL;
}

static void parts_close_at_every_moment(void **state) {
    (void)state;
    static struct counter counter;
    static struct snapshot snapshot;
    pthread_t thread;
    assert_int_equal(tally_open(&counter.tally, 2), 0);
    assert_int_equal(snapshot_open(&snapshot, 2), 0);
    assert_null(tally_begin(&counter.tally));
    atomic_store(&ending, false);
    pthread_create(&thread, NULL, count, &counter);
    for (int i = 0; i < 2000; i++) {
        account_request_ask(&counter.tally.request);
        while (!tally_is_given(&counter.tally))
            ;
        snapshot_clear(&snapshot);
        ledger_add(&snapshot.ledger, tally_read(&counter.tally));
        assert_int_equal(snapshot_packets_residual(&snapshot), 0);
        assert_int_equal(snapshot.ledger.applications.counts[1].flows, snapshot.ledger.intake.packets);
    }
    atomic_store(&ending, true);
    pthread_join(thread, NULL);
    /* Who has ended gives its last part, whenever it is asked. */
    account_request_ask(&counter.tally.request);
    assert_true(tally_is_given(&counter.tally));
    assert_int_equal(tally_read(&counter.tally)->intake.packets, counter.packets);
    tally_close(&counter.tally);
    snapshot_close(&snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_close_at_every_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
