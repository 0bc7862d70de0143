/* No memory, or no thread, for a run: each opening fails with its line and leaves nothing; a run that can't start ends at
 * once, and counts what it read. */
#include "app/run/pipeline.h"
#include "app/run/pipeline_parts.h"

#include "app/run/catching_sink.h"
#include "faults.h"

enum { METERS = 3 };

static struct caught_plan caught;

static int open_lane(void) {
    struct delivery delivery = {0};
    struct progress progress = {0};
    struct failure failure;
    struct lane lane = {0};
    struct error error = {0};
    failure_init(&failure, &progress);
    int result = delivery_open(&delivery, &caught.plan, &failure, &error);
    if (result == 0)
        result = lane_open(&lane, 0, &caught.plan.meter, &delivery, &error);
    if (result < 0)
        assert_true(error.exit_code != 0 && error.text[0] != '\0');
    lane_close(&lane);
    delivery_close(&delivery);
    return result;
}

static void outputs_and_lanes(void **state) {
    (void)state;
    plan_to_catch(&caught, "", 2, "");
    each_allocation_fails(open_lane);
    caught_plan_release(&caught);
}

static void plan_several_meters(void) {
    char settings[1024];
    snprintf(settings, sizeof settings,
             "meter = { n_meters = %d; }; capture = { files = [ \"%s/tests/captures/dns.pcap\" ]; };", METERS,
             getenv("SOURCE_ROOT"));
    plan_to_catch(&caught, settings, 1, "");
    caught.plan.outputs[0].sink = &sink_null; /* the other one needs memory itself */
}

/* A run in which the n-th call of this kind fails after everything is open. Whether it could not start for that. */
static bool run_fails(const char *kind, unsigned long at) {
    faults_fail_call *let_fail = find_faults();
    struct pipeline *pipeline;
    struct snapshot snapshot = {0};
    struct error error = {0};
    if (pipeline_open(&caught.plan, &pipeline, &error) < 0)
        fail_msg("%s", error.text);
    let_fail(kind, at);
    parallel_run(pipeline);
    let_fail(kind, 0);
    bool failed = failure_result(&pipeline->failure, &error) < 0;
    assert_int_equal(error.exit_code, failed ? EX_OSERR : 0);
    pipeline_count(pipeline, &snapshot.ledger);
    delivery_count(&pipeline->delivery, &snapshot);
    assert_int_equal(snapshot_packets_residual(&snapshot), 0);
    assert_int_equal(snapshot_flows_residual(&snapshot), 0);
    assert_int_equal(snapshot_exports_residual(&snapshot, 0), 0);
    assert_int_equal(snapshot_records_residual(&snapshot, 0), 0);
    if (!failed)
        assert_true(snapshot.ledger.intake.packets > 0);
    pipeline_close(pipeline);
    return failed;
}

static void threads_of_a_parallel_run(void **state) {
    (void)state;
    plan_several_meters();
    for (unsigned long at = 1; at <= METERS; at++)
        assert_true(run_fails("thread", at));
    assert_false(run_fails("thread", METERS + 1));
    caught_plan_release(&caught);
}

/* Workers and their rings; what is missing later is counted, and the run goes on. */
static void memory_of_a_parallel_run(void **state) {
    (void)state;
    plan_several_meters();
    unsigned long at = 1;
    while (run_fails("alloc", at))
        at++;
    assert_true(at > 1 + 2 * METERS);
    caught_plan_release(&caught);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_and_lanes),
        cmocka_unit_test(threads_of_a_parallel_run),
        cmocka_unit_test(memory_of_a_parallel_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
