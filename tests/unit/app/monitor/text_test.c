/* Samples in Prometheus' text format, and the table that they come from. */
#include "app/monitor/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/config/config.h"
#include "app/monitor/metrics.h"
#include "capture/source.h"

#define SECOND INT64_C(1000000)

static char *printed;
static size_t printed_size;

static struct metric_text begin(void) {
    return (struct metric_text){open_memstream(&printed, &printed_size), "m"};
}

static void end(const struct metric_text *text, const char *expected) {
    fclose(text->stream);
    assert_string_equal(printed, expected);
    free(printed);
}

static void values_are_exact(void **state) {
    (void)state;
    struct metric_text text = begin();
    metric_count(&text, NULL, UINT64_MAX);
    metric_signed(&text, NULL, INT64_MIN);
    metric_microseconds(&text, "_sum", NULL, 1795520821308047);
    metric_microseconds(&text, NULL, NULL, -5);
    metric_count_suffixed(&text, "_count", NULL, 0);
    end(&text,
        "m 18446744073709551615\nm -9223372036854775808\nm_sum 1795520821.308047\nm -0.000005\nm_count 0\n");
}

static void labels_are_escaped(void **state) {
    (void)state;
    struct metric_text text = begin();
    metric_count(&text, METRIC_LABELS({"a", "q\"b\\n\nz"}, {"b", ""}, {"c", "gr\xc3\xbc\xc3\x9f"}), 1);
    metric_count(&text, METRIC_LABELS({"a", "bad\xff\xc3"}), 2);
    end(&text, "m{a=\"q\\\"b\\\\n\\nz\",b=\"\",c=\"gr\xc3\xbc\xc3\x9f\"} 1\n"
               "m{a=\"bad\xef\xbf\xbd\xef\xbf\xbd\"} 2\n");
}

static bool ends_with(const char *text, const char *end_of_text) {
    size_t length = strlen(text), wanted = strlen(end_of_text);
    return length >= wanted && strcmp(text + length - wanted, end_of_text) == 0;
}

/* Prometheus' conventions: base units, _total for counters alone, names in lower case. */
static void rows_keep_the_conventions(void **state) {
    (void)state;
    for (size_t i = 0; i < metric_row_count; i++) {
        const struct metric_row *row = &metric_rows[i];
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->name));
        assert_int_equal(ends_with(row->name, "_total"), row->type == METRIC_COUNTER);
        if (strcmp(row->unit, "bytes") == 0)
            assert_non_null(strstr(row->name, "_bytes"));
        if (strcmp(row->unit, "seconds") == 0)
            assert_non_null(strstr(row->name, "_seconds"));
        assert_null(strpbrk(row->help, "\\\n"));
        assert_true(ends_with(row->help, "."));
        assert_non_null(row->write);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, metric_rows[j].name);
    }
}

static struct config config;
static struct plan plan;
static struct monitored run;
static struct reload_account reload;
static struct output_health healths[2];
static struct snapshot snapshot;
static struct schema flows = {.records = OF_FLOW}, reports = {.records = OF_SENSOR};

static void visit_two_cards(const struct capture *capture, capture_card_visit *visit, void *context) {
    (void)capture;
    visit(context, "eth0", 4);
    visit(context, "eth1", 0);
}

static const struct source_type source_with_cards = {.visit_cards = visit_two_cards};
static struct capture capture_with_cards = {.type = &source_with_cards};

/* Two outputs, of flows and of reports. */
static void make_run(void) {
    config = (struct config){.profile = (char *)"native"};
    plan = (struct plan){.config = &config, .meters = 1, .output_count = 2};
    plan.outputs[0] = (struct output_plan){
        .name = "to \"Kafka\"", .sink = &sink_kafka, .schema = &flows, .kinds = 1u << RECORD_FINAL};
    plan.outputs[1].name = "null";
    plan.outputs[1].sink = &sink_null;
    plan.outputs[1].schema = &reports;
    atomic_store(&healths[0].plan, &plan.outputs[0]);
    atomic_store(&healths[1].plan, &plan.outputs[1]);
    atomic_store(&healths[0].mismatch, true);
    atomic_store(&healths[1].failed, true);
    atomic_store(&healths[1].schema_cached, true);
    run = (struct monitored){.interface = "eth0",
                             .capture = &capture_with_cards,
                             .reload = &reload,
                             .health = {.outputs = {&healths[0], &healths[1]}, .output_count = 2}};
}

/* Every number different, so that none can stand for another; nothing is unaccounted for. */
static struct metric_source example_source(void) {
    make_run();
    snapshot = (struct snapshot){
        .time = 100 * SECOND, .plans = {&plan.outputs[0], &plan.outputs[1]}, .output_count = 2, .reports = 7};
    struct ledger *ledger = &snapshot.ledger;
    ledger->intake.packets = 1000;
    ledger->intake.bytes = 77000;
    ledger->intake.ignored[DECODE_METERED] = 930;
    ledger->intake.ignored[DECODE_not_ip] = 70;
    ledger->meter.flows_opened = 50;
    ledger->meter.flows_exported[END_IDLE] = 30;
    ledger->meter.early_records = 300; /* which the output doesn't take */
    ledger->meter.update_records = 400;
    ledger->meter.flows_discarded = 5;
    ledger->meter.flows_open = 15;
    ledger->meters = 1;
    ledger->balance[0] = 930;
    ledger->rings[0] = (struct capture_statistics){.dropped_kernel = 17, .ring_freezes = 2};
    ledger->rings[1] = (struct capture_statistics){.dropped_kernel = 1, .ring_freezes = 1};
    ledger->ring_count = 2;
    ledger->overload[0] = 3;
    ledger->overload_times[0] = 8 * SECOND + 250000;
    ledger->meter.overload_entered[OVERLOAD_no_splt] = 6;
    struct record_counts *records = &snapshot.ledger.records[0];
    records->made = 30;
    records->sent = 28;
    records->dropped[OUTPUT_DROP_handover_full] = 2;
    snapshot.ledger.records[1].made = 7;
    struct delivery_counts *output = &snapshot.outputs[0];
    output->taken = 25;
    output->dropped[OUTPUT_DROP_schema_mismatch] = 1;
    output->sink.acknowledged = 10;
    output->sink.in_flight = 11;
    output->sink.dropped[SINK_DROP_rejected] = 3;
    output->sink.oldest_age = 4 * SECOND;
    output->sink.delays.counts[0] = 6;
    output->sink.delays.counts[2] = 3;
    output->sink.delays.counts[DELAYS_BUCKETS] = 1;
    output->sink.delays.sum = 400 * SECOND;
    return (struct metric_source){
        .plan = &plan,
        .run = &run,
        .snapshot = &snapshot,
        .now = 102 * SECOND,
        .waited_since = 100 * SECOND,
    };
}

static char *print(const struct metric_source *source) {
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    metrics_print(source, stream);
    fclose(stream);
    return text;
}

static void assert_line(const char *text, const char *line) {
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!strstr(text, wanted))
        fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void each_row_has_help_and_type_even_before_a_snapshot(void **state) {
    (void)state;
    struct metric_source source = example_source();
    source.run = NULL;
    source.snapshot = NULL;
    char *text = print(&source);
    for (size_t i = 0; i < metric_row_count; i++) {
        char line[256];
        snprintf(line, sizeof line, "# TYPE %s %s", metric_rows[i].name,
                 metric_type_name(metric_rows[i].type));
        assert_line(text, line);
        snprintf(line, sizeof line, "# HELP %s ", metric_rows[i].name);
        assert_non_null(strstr(text, line));
    }
    assert_null(strstr(text, "\nflowsensor_capture_packets_total "));
    assert_line(text, "flowsensor_snapshot_age_seconds 2.000000");
    free(text);
}

static void numbers_are_the_snapshots(void **state) {
    (void)state;
    struct metric_source source = example_source();
    char *text = print(&source);
    assert_line(text, "flowsensor_capture_packets_total 1000");
    assert_line(text, "flowsensor_capture_bytes_total 77000");
    assert_line(text, "flowsensor_meter_ring_dropped_packets_total{meter=\"0\"} 17");
    assert_line(text, "flowsensor_meter_ring_freezes_total{meter=\"1\"} 1");
    assert_line(text, "flowsensor_interface_dropped_packets_total{interface=\"eth0\"} 4");
    assert_line(text, "flowsensor_interface_dropped_packets_total{interface=\"eth1\"} 0");
    assert_line(text, "flowsensor_packets_ignored_total{reason=\"not_ip\"} 70");
    assert_line(text, "flowsensor_flows_ended_total{reason=\"idle\"} 30");
    assert_line(text, "flowsensor_overload_step{meter=\"0\"} 3");
    assert_line(text, "flowsensor_overload_seconds_total{meter=\"0\"} 8.250000");
    assert_line(text, "flowsensor_overload_steps_total{step=\"no_splt\"} 6");
    assert_line(text, "flowsensor_overload_steps_total{step=\"shedding\"} 0");
    assert_line(text, "flowsensor_output_records_made_total{output=\"to \\\"Kafka\\\"\"} 30");
    /* 11 at the sink and 3 on the way to it. */
    assert_line(text, "flowsensor_output_records_in_flight{output=\"to \\\"Kafka\\\"\"} 14");
    assert_line(
        text,
        "flowsensor_output_records_dropped_total{output=\"to \\\"Kafka\\\"\",reason=\"schema_mismatch\"} 1");
    assert_line(text,
                "flowsensor_output_records_dropped_total{output=\"to \\\"Kafka\\\"\",reason=\"rejected\"} 3");
    /* The record has grown older since the snapshot. */
    assert_line(text, "flowsensor_output_oldest_record_age_seconds{output=\"to \\\"Kafka\\\"\"} 6.000000");
    assert_line(text,
                "flowsensor_output_delivery_seconds_bucket{output=\"to \\\"Kafka\\\"\",le=\"0.005\"} 6");
    assert_line(text,
                "flowsensor_output_delivery_seconds_bucket{output=\"to \\\"Kafka\\\"\",le=\"0.025\"} 9");
    assert_line(text, "flowsensor_output_delivery_seconds_bucket{output=\"to \\\"Kafka\\\"\",le=\"300\"} 9");
    assert_line(text,
                "flowsensor_output_delivery_seconds_bucket{output=\"to \\\"Kafka\\\"\",le=\"+Inf\"} 10");
    assert_line(text, "flowsensor_output_delivery_seconds_sum{output=\"to \\\"Kafka\\\"\"} 400.000000");
    for (size_t i = 0; i < 2; i++) {
        static const char *const outputs[] = {"to \\\"Kafka\\\"", "null"};
        char line[128];
        snprintf(line, sizeof line, "flowsensor_output_schema_mismatch{output=\"%s\"} %d", outputs[i],
                 i == 0);
        assert_line(text, line);
        snprintf(line, sizeof line, "flowsensor_output_failed{output=\"%s\"} %d", outputs[i], i == 1);
        assert_line(text, line);
        snprintf(line, sizeof line, "flowsensor_output_schema_cached{output=\"%s\"} %d", outputs[i], i == 1);
        assert_line(text, line);
    }
    assert_line(text, "flowsensor_ledger_residual{account=\"packets\"} 0");
    assert_line(text, "flowsensor_ledger_residual{account=\"flows\"} 0");
    assert_line(text, "flowsensor_ledger_residual{account=\"exports\",output=\"to \\\"Kafka\\\"\"} 0");
    assert_line(text, "flowsensor_ledger_residual{account=\"exports\",output=\"null\"} 0");
    assert_line(text, "flowsensor_ledger_residual{account=\"records\",output=\"to \\\"Kafka\\\"\"} 0");
    free(text);
}

/* Whatever is miscounted by one is seen, in its account alone. */
static void a_residual_shows_each_miscount(void **state) {
    (void)state;
    example_source();
    snapshot.ledger.intake.packets++;
    assert_int_equal(snapshot_packets_residual(&snapshot), 1);
    assert_int_equal(snapshot_flows_residual(&snapshot), 0);
    snapshot.ledger.meter.flows_open++;
    assert_int_equal(snapshot_flows_residual(&snapshot), -1);
    assert_int_equal(snapshot_records_residual(&snapshot, 0), 0);
    uint64_t *const counts[] = {
        &snapshot.ledger.records[0].made,
        &snapshot.ledger.records[0].dropped[OUTPUT_DROP_handover_full],
        &snapshot.outputs[0].sink.acknowledged,
        &snapshot.outputs[0].sink.in_flight,
        &snapshot.outputs[0].dropped[0],
        &snapshot.outputs[0].sink.dropped[SINK_DROP_rejected],
        &snapshot.ledger.records[0].sent,
        &snapshot.outputs[0].taken,
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        ++*counts[i];
        assert_int_not_equal(snapshot_records_residual(&snapshot, 0), 0);
        --*counts[i];
    }
    /* A flow without a record, a record without a flow, and the same of reports. */
    assert_int_equal(snapshot_exports_residual(&snapshot, 0), 0);
    snapshot.ledger.meter.flows_exported[END_EVICTED]++;
    assert_int_equal(snapshot_exports_residual(&snapshot, 0), 1);
    snapshot.ledger.records[0].made += 2;
    assert_int_equal(snapshot_exports_residual(&snapshot, 0), -1);
    assert_int_equal(snapshot_exports_residual(&snapshot, 1), 0);
    snapshot.reports++;
    assert_int_equal(snapshot_exports_residual(&snapshot, 1), 1);
    snapshot.ledger.records[0].made -= 2;
    /* States that were published, of the kinds that the output takes. */
    snapshot.ledger.records[0].made = 331;
    plan.outputs[0].kinds |= 1u << RECORD_EARLY;
    assert_int_equal(snapshot_exports_residual(&snapshot, 0), 0);
    plan.outputs[0].kinds |= 1u << RECORD_UPDATE;
    assert_int_equal(snapshot_exports_residual(&snapshot, 0), 400);
    snapshot.ledger.records[0].made = 30;
    /* More taken than was ever sent. */
    snapshot.outputs[0].taken = 29;
    assert_int_not_equal(snapshot_records_residual(&snapshot, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_exact),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(rows_keep_the_conventions),
        cmocka_unit_test(each_row_has_help_and_type_even_before_a_snapshot),
        cmocka_unit_test(numbers_are_the_snapshots),
        cmocka_unit_test(a_residual_shows_each_miscount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
