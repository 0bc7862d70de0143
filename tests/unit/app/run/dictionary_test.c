/* nDPI's protocols go to the outputs that are for them, and every account closes. */
#include "app/run/dictionary.h"

#include "app/account/snapshot.h"
#include "app/run/catching_sink.h"
#include "app/run/delivery.h"
#include "meter/meter.h"

struct bench {
    struct caught_plan caught;
    struct progress progress;
    struct failure failure;
    struct delivery delivery;
    struct meter *meter;
};

static bool drop_flow(void *context, const struct flow *flow) {
    (void)context;
    (void)flow;
    return true;
}

/* Output 0 is of flows, 1 and 2 of protocols. */
static void bench_open(struct bench *bench) {
    struct error error = {0};
    *bench = (struct bench){0};
    plan_text_to_catch(
        &bench->caught,
        "meter = { flow_table_size = 1024; }; outputs = ( { name = \"0\"; sink = \"null\"; }, "
        "{ name = \"1\"; sink = \"null\"; schema = \"ndpi_dictionary/v1\"; format = \"csv\"; }, "
        "{ name = \"2\"; sink = \"null\"; schema = \"ndpi_dictionary/v1\"; format = \"csv\"; } );");
    failure_init(&bench->failure, &bench->progress);
    if (delivery_open(&bench->delivery, &bench->caught.plan, &bench->failure, &error) < 0 ||
        meter_create(&bench->caught.plan.meter, drop_flow, NULL, &bench->meter, &error) < 0)
        fail_msg("%s", error.text);
}

static void bench_close(struct bench *bench) {
    meter_destroy(bench->meter);
    delivery_close(&bench->delivery);
    caught_plan_release(&bench->caught);
}

static void assert_closes(const struct bench *bench) {
    struct snapshot snapshot = {0};
    delivery_count(&bench->delivery, &snapshot);
    assert_int_equal(snapshot.protocols, bench->delivery.protocols);
    assert_true(snapshot_closes(&snapshot));
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(snapshot_exports(&snapshot, i), snapshot.protocols);
        assert_string_equal(snapshot_exports_name(&bench->caught.plan.outputs[i]), "protocols");
    }
}

static void each_protocol_is_sent_once_to_each_dictionary(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    dictionary_publish(&bench.delivery, bench.meter);
    uint64_t protocols = bench.delivery.protocols;
    assert_in_range(protocols, 200, meter_protocol_count(bench.meter));
    assert_int_equal(catchers[0].count, 0);
    assert_int_equal(catchers[1].count, protocols);
    assert_int_equal(catchers[2].count, protocols);
    static const char unknown[] = ",0,Unknown,0,";
    assert_non_null(
        memmem(catchers[1].records[0].body, catchers[1].records[0].length, unknown, sizeof unknown - 1));
    assert_closes(&bench);
    bench_close(&bench);
}

/* What one that can't go on did not get is counted, and the other one has all. */
static void an_output_that_fails_is_accounted_for(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    catchers[1].fails_at = 3;
    dictionary_publish(&bench.delivery, bench.meter);
    assert_false(bench.delivery.stop);
    assert_int_equal(catchers[1].count, 2);
    assert_int_equal(catchers[2].count, bench.delivery.protocols);
    assert_int_equal(bench.delivery.outputs[1].shares[0].records.dropped[OUTPUT_DROP_output_failed],
                     bench.delivery.protocols - 3);
    assert_closes(&bench);
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_protocol_is_sent_once_to_each_dictionary),
        cmocka_unit_test(an_output_that_fails_is_accounted_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
