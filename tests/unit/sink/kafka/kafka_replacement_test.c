/* The Kafka sink where its producer failed and another can't be made for a while: it lives, and loses nothing. */
#include "sink/kafka/kafka_fixture.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

#include "base/clock.h"

enum { RECORDS = 10 };

static atomic_bool no_threads;
static atomic_int refused;

/* librdkafka makes its threads by this one. */
int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
    int (*create)(thrd_t *, thrd_start_t, void *) = NULL;
    if (atomic_load(&no_threads)) {
        atomic_fetch_add(&refused, 1);
        return thrd_error;
    }
    void *symbol = dlsym(RTLD_NEXT, "thrd_create");
    memcpy(&create, &symbol, sizeof create);
    return create(thread, function, argument);
}

/* Polls until it was refused threads so often, or so many records are acknowledged. */
static void serve(void *sink, int refusals, uint64_t acknowledged) {
    struct error error = {0};
    int64_t end = clock_monotonic() + ENOUGH;
    while (atomic_load(&refused) < refusals || statistics_of(sink, RECORDS).acknowledged < acknowledged) {
        assert_true(clock_monotonic() < end);
        assert_int_equal(sink_kafka.poll(sink, &error), 0);
        usleep(2000);
    }
}

static void a_producer_is_replaced_once_there_are_threads(void **state) {
    (void)state;
    struct sink_options options = live_options("linger.ms=5", "enable.gapless.guarantee=true");
    void *sink = open_sink(&options);
    atomic_store(&no_threads, true);
    /* Without gaps, or not at all: a batch that is refused is this producer's end. */
    rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    write_many(sink, RECORDS);
    serve(sink, 2, 0);
    assert_int_equal(statistics_of(sink, RECORDS).in_flight, RECORDS);
    atomic_store(&no_threads, false);
    serve(sink, 0, RECORDS);
    flush_well(sink);
    sink_kafka.close(sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_CLUSTER(a_producer_is_replaced_once_there_are_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
