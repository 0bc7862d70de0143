/* A whole run of files, with one meter and with several: the same records, accounts that close, and an end, whatever fails. */

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "app/run/pipeline.h"
#include "app/run/pipeline_parts.h"

#include "app/run/catching_sink.h"
#include "scratch.h"

#define SEVERAL "mix.pcap", "lossy.pcap", "fragments.pcap", "gtpu.pcap", "vlan.pcap"

static const unsigned meter_numbers[] = {1, 2, 3, 8};
enum { METER_NUMBERS = sizeof meter_numbers / sizeof *meter_numbers };

/* Lines of a configuration: these captures with so many meters. */
static char *settings_of(const char *const *captures, unsigned meters, const char *more) {
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    fprintf(stream, "meter = { n_meters = %u; %s }; capture = { files = [", meters, more);
    for (size_t i = 0; captures[i]; i++)
        fprintf(stream, "%s \"%s/tests/captures/%s\"", i == 0 ? "" : ",", getenv("SOURCE_ROOT"), captures[i]);
    fputs(" ]; };", stream);
    fclose(stream);
    return text;
}

struct bench {
    struct caught_plan caught;
    struct pipeline *pipeline;
    struct snapshot snapshot; /* at the end */
    int result;
    struct error error;
};

/* Every account of the run closes. */
static void take_snapshot(struct bench *bench) {
    const struct plan *plan = &bench->caught.plan;
    assert_int_equal(snapshot_open(&bench->snapshot, 0), 0);
    pipeline_count(bench->pipeline, &bench->snapshot.ledger);
    delivery_count(&bench->pipeline->delivery, &bench->snapshot);
    assert_int_equal(snapshot_packets_residual(&bench->snapshot), 0);
    assert_int_equal(snapshot_flows_residual(&bench->snapshot), 0);
    for (size_t i = 0; i < plan->output_count; i++) {
        assert_int_equal(snapshot_exports_residual(&bench->snapshot, i), 0);
        assert_int_equal(snapshot_records_residual(&bench->snapshot, i), 0);
        assert_int_equal(snapshot_in_flight(&bench->snapshot, i), 0);
    }
}

static void bench_run(struct bench *bench, const char *const *captures, unsigned meters, const char *more,
                      size_t outputs) {
    char *settings = settings_of(captures, meters, more);
    struct catcher wanted[CATCHERS];
    memcpy(wanted, catchers, sizeof wanted);
    *bench = (struct bench){0};
    plan_to_catch(&bench->caught, settings, outputs, "");
    assert_int_equal(bench->caught.plan.meters, meters);
    memcpy(catchers, wanted, sizeof wanted);
    if (pipeline_open(&bench->caught.plan, &bench->pipeline, &bench->error) < 0)
        fail_msg("%s", bench->error.text);
    bench->result = pipeline_run(bench->pipeline, &bench->error);
    take_snapshot(bench);
    free(settings);
}

static void bench_close(struct bench *bench) {
    snapshot_close(&bench->snapshot);
    pipeline_close(bench->pipeline);
    caught_plan_release(&bench->caught);
}

static int compare_records(const void *left, const void *right) {
    const struct caught *one = left, *other = right;
    size_t length = one->length < other->length ? one->length : other->length;
    int result = memcmp(one->body, other->body, length);
    return result != 0 ? result : (one->length > other->length) - (one->length < other->length);
}

static void sort_records(struct catcher *catcher) {
    qsort(catcher->records, catcher->count, sizeof *catcher->records, compare_records);
}

static void assert_same_records(const struct catcher *one, const struct catcher *other) {
    assert_int_equal(one->count, other->count);
    for (size_t i = 0; i < one->count; i++)
        if (compare_records(&one->records[i], &other->records[i]) != 0)
            fail_msg("record %zu of %zu differs", i, one->count);
}

static void free_records(struct catcher *catcher) {
    for (size_t i = 0; i < catcher->count; i++)
        free(catcher->records[i].body);
    free(catcher->records);
    *catcher = (struct catcher){0};
}

static void any_number_of_meters_makes_the_same_records(void **state) {
    (void)state;
    static const char *const more[] = {"", "idle_timeout = \"1s\"; active_timeout = \"2s\";"};
    const char *const captures[] = {SEVERAL, NULL};
    for (size_t k = 0; k < 2; k++) {
        struct catcher first = {0};
        for (size_t i = 0; i < METER_NUMBERS; i++) {
            struct bench bench;
            bench_run(&bench, captures, meter_numbers[i], more[k], 1);
            assert_int_equal(bench.result, 0);
            assert_int_equal(bench.snapshot.ledger.meters, meter_numbers[i]);
            assert_int_equal(catchers[0].flushes, 1);
            sort_records(&catchers[0]);
            if (i == 0) {
                assert_true(catchers[0].count > 300);
                first = catchers[0]; /* the next run has others */
                catchers[0] = (struct catcher){0};
            } else {
                assert_same_records(&first, &catchers[0]);
            }
            bench_close(&bench);
        }
        free_records(&first);
    }
}

/* Each of several meters has something to do. */
static void packets_are_shared_out(void **state) {
    (void)state;
    const char *const captures[] = {"mix.pcap", NULL};
    struct bench bench;
    bench_run(&bench, captures, 3, "", 1);
    const struct ledger *ledger = &bench.snapshot.ledger;
    uint64_t packets = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_true(ledger->balance[i] > 0);
        packets += ledger->balance[i];
    }
    assert_int_equal(packets, ledger->intake.ignored[DECODE_METERED]);
    bench_close(&bench);
}

static void max_nflows_is_of_all_meters_together(void **state) {
    (void)state;
    const char *const captures[] = {"mix.pcap", NULL};
    for (size_t i = 0; i < METER_NUMBERS; i++) {
        struct bench bench;
        bench_run(&bench, captures, meter_numbers[i], "max_nflows = 10;", 2);
        assert_int_equal(bench.result, 0);
        assert_int_equal(catchers[0].count, 10);
        assert_int_equal(catchers[1].count, 10);
        bench_close(&bench);
    }
}

/* The run ends early, and all that was metered by then is the other output's. */
static void a_sink_that_fails_ends_the_run(void **state) {
    (void)state;
    const char *const captures[] = {SEVERAL, NULL};
    static const unsigned long fails_at[] = {1, 2, 50};
    for (size_t i = 0; i < METER_NUMBERS * 3; i++) {
        struct bench bench;
        catchers[0].fails_at = fails_at[i % 3];
        bench_run(&bench, captures, meter_numbers[i / 3], "idle_timeout = \"100ms\";", 2);
        assert_int_equal(bench.result, -EIO);
        assert_int_equal(bench.error.exit_code, EX_IOERR);
        assert_string_equal(bench.error.text, ""); /* it was logged */
        assert_int_equal(catchers[0].writes, fails_at[i % 3]);
        assert_int_equal(catchers[1].count, snapshot_exports(&bench.snapshot, 1));
        assert_true(catchers[1].count >= fails_at[i % 3]);
        bench_close(&bench);
    }
}

static void a_reader_that_goes_away_ends_it_in_order(void **state) {
    (void)state;
    const char *const captures[] = {"mix.pcap", NULL};
    for (size_t i = 0; i < METER_NUMBERS; i++) {
        struct bench bench;
        catchers[0].fails_at = 5;
        catchers[0].goes_away = true;
        bench_run(&bench, captures, meter_numbers[i], "idle_timeout = \"100ms\";", 1);
        assert_int_equal(bench.result, 0);
        assert_int_equal(catchers[0].count, 4);
        bench_close(&bench);
    }
}

static uint64_t lines_of(const char *path) {
    uint64_t lines = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (int c = fgetc(file); c != EOF; c = fgetc(file))
        lines += c == '\n';
    fclose(file);
    return lines;
}

/* The real sinks beside each other: each of the same records. */
static void files_and_null_get_every_record(void **state) {
    (void)state;
    for (size_t i = 0; i < METER_NUMBERS; i++) {
        struct config config;
        struct plan plan;
        struct pipeline *pipeline;
        struct error error = {0};
        struct snapshot snapshot = {0};
        char folder[SCRATCH_SIZE], path[128], text[1024];
        assert_non_null(scratch_make(folder));
        snprintf(path, sizeof path, "%s/flows.jsonl", folder);
        snprintf(
            text, sizeof text,
            "meter = { n_meters = %u; n_dissections = 0; }; capture = { files = [ \"%s/tests/captures/mix.pcap\" ]; }; "
            "outputs = ( { path = \"%s\"; format = \"jsonl\"; }, { sink = \"null\"; name = \"nothing\"; } );",
            meter_numbers[i], getenv("SOURCE_ROOT"), path);
        load_well(&config, text);
        config.sandbox = false;
        if (plan_make(&config, PLAN_SCHEMAS_AS_NAMED, &plan, &error) < 0 ||
            pipeline_open(&plan, &pipeline, &error) < 0)
            fail_msg("%s", error.text);
        assert_int_equal(pipeline_run(pipeline, &error), 0);
        pipeline_count(pipeline, &snapshot.ledger);
        delivery_count(&pipeline->delivery, &snapshot);
        uint64_t exported = snapshot_exports(&snapshot, 0);
        assert_true(exported > 100);
        assert_int_equal(snapshot.outputs[0].sink.acknowledged, exported);
        assert_int_equal(snapshot.outputs[1].sink.acknowledged, exported);
        pipeline_close(pipeline);
        assert_int_equal(lines_of(path), exported);
        plan_release(&plan);
        config_release(&config);
        scratch_remove(folder);
    }
}

/* Logs the ledger in a child; how that ended, as waitpid() says. */
static int log_in_child(struct pipeline *pipeline) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        pipeline_log_ledger(pipeline);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* In a build with checks it ends the program; in others its line names the residual. */
static void a_ledger_that_does_not_close_is_a_programmers_error(void **state) {
    (void)state;
    const char *const captures[] = {"dns.pcap", NULL};
    struct bench bench;
    bench_run(&bench, captures, 2, "", 1);
    assert_true(snapshot_closes(&bench.snapshot));
    int status = log_in_child(bench.pipeline);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    catchers[0].lies = true;
    status = log_in_child(bench.pipeline);
#ifdef FLOWSENSOR_CHECKS
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#else
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_meters_makes_the_same_records),
        cmocka_unit_test(packets_are_shared_out),
        cmocka_unit_test(max_nflows_is_of_all_meters_together),
        cmocka_unit_test(a_sink_that_fails_ends_the_run),
        cmocka_unit_test(a_reader_that_goes_away_ends_it_in_order),
        cmocka_unit_test(files_and_null_get_every_record),
        cmocka_unit_test(a_ledger_that_does_not_close_is_a_programmers_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
