/* The end of a producer that can't be stopped: it looks up a name. Nobody waits for it, and what it calls back stays until then. */
#include "sink/kafka/client/kafka_end.h"

#include <librdkafka/rdkafka.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wait.h"

static atomic_bool asked, answered;
static atomic_uint released;

static int look_up_slowly(const char *node, const char *service, const struct addrinfo *hints,
                          struct addrinfo **addresses, void *opaque) {
    (void)node, (void)service, (void)hints, (void)addresses, (void)opaque;
    atomic_store(&asked, true);
    wait_until(atomic_load(&answered), 30, "the answer");
    return EAI_FAIL;
}

static void note_release(void *context) {
    assert_ptr_equal(context, &released);
    atomic_fetch_add(&released, 1);
}

static rd_kafka_t *make_producer(bool looks_up) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    if (looks_up) {
        rd_kafka_conf_set(conf, "bootstrap.servers", "a.name:9092", NULL, 0);
        rd_kafka_conf_set_resolve_cb(conf, look_up_slowly);
    }
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(producer);
    return producer;
}

static int reset(void **state) {
    (void)state;
    atomic_store(&asked, false);
    atomic_store(&answered, false);
    atomic_store(&released, 0);
    return 0;
}

static void its_owner_frees_what_no_producer_holds(void **state) {
    (void)state;
    struct kafka_stay stay = {.holders = 1, .release = note_release, .context = &released};
    kafka_end(make_producer(false), &stay);
    kafka_end(make_producer(false), NULL);
    wait_until(atomic_load(&stay.holders) == 1, 30,
               "the producer's end"); /* which may take longer on a busy machine */
    assert_int_equal(released, 0);
    kafka_stay_leave(&stay);
    assert_int_equal(released, 1);
}

static void a_producer_that_looks_up_a_name_holds_it_until_it_has_ended(void **state) {
    (void)state;
    struct kafka_stay stay = {.holders = 1, .release = note_release, .context = &released};
    rd_kafka_t *producer = make_producer(true);
    wait_until(atomic_load(&asked), 30, "the question");
    kafka_end(producer, &stay);
    kafka_stay_leave(&stay);
    assert_int_equal(released, 0);
    assert_int_equal(stay.holders, 1);
    atomic_store(&answered, true);
    wait_until(atomic_load(&released) == 1, 30, "the release");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(its_owner_frees_what_no_producer_holds, reset),
        cmocka_unit_test_setup(a_producer_that_looks_up_a_name_holds_it_until_it_has_ended, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
