#include "app/account/reporter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

struct reporter {
    int64_t interval, due, made; /* monotonic clock; made: the last report, or the start */
    struct sensor_report report, previous;
    int64_t meters_packets[PLAN_METERS_MAX], meters_previous[PLAN_METERS_MAX];
    struct text reasons[DECODE_REASON_COUNT];
    int64_t counts[DECODE_REASON_COUNT];
    /* Of a heartbeat, for each output of flows. */
    struct text outputs[CONFIG_OUTPUTS_MAX];
    int64_t last_seqs[CONFIG_OUTPUTS_MAX], records_made[CONFIG_OUTPUTS_MAX];
    int64_t records_acknowledged[CONFIG_OUTPUTS_MAX], records_dropped[CONFIG_OUTPUTS_MAX];
};

int reporter_open(int64_t interval, bool has_loss_gaps, struct reporter **opened, struct error *error) {
    struct reporter *reporter = calloc(1, sizeof *reporter);
    if (!reporter)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    reporter->interval = interval;
    reporter->made = clock_monotonic();
    reporter->due = reporter->made + interval;
    reporter->report = (struct sensor_report){
        .start_time = clock_realtime(),
        .ignored_reasons = reporter->reasons,
        .ignored_counts = reporter->counts,
        .meters_packets = reporter->meters_packets,
        .has_loss_gaps = has_loss_gaps,
        .heartbeat = {.interval = interval,
                      .outputs = reporter->outputs,
                      .last_seqs = reporter->last_seqs,
                      .records_made = reporter->records_made,
                      .records_acknowledged = reporter->records_acknowledged,
                      .records_dropped = reporter->records_dropped},
    };
    *opened = reporter;
    return 0;
}

void reporter_close(struct reporter *reporter) {
    free(reporter);
}

bool reporter_due(const struct reporter *reporter, int64_t now) {
    return reporter && now >= reporter->due;
}

/* Memory of the process in RAM; negative if the kernel doesn't tell. Pages: all, those in RAM, ... (proc(5)). */
static int64_t resident_memory(void) {
    char text[128];
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return -1;
    const char *all = fgets(text, sizeof text, file);
    fclose(file);
    const char *resident = all ? strchr(all, ' ') : NULL;
    return resident ? strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE) : -1;
}

/* The counters that counters.def says are reported. */
static void take_counters(struct sensor_report *report, const struct ledger *ledger) {
#define UNREPORTED             (void)
#define REPORTED(field, words) report->field =
#define COUNTER(place, name, how, type, unit, metric, help, reported, said) \
    reported ledger->LEDGER_##place(name);
#include "app/account/counters.def"
}

static void count_flows(struct sensor_report *report, const struct meter_statistics *meter) {
    report->flows_evicted = meter->flows_exported[END_EVICTED];
    report->flows_expired = meter_flows_exported(meter);
}

static void count_packets(struct reporter *reporter, const struct ledger *ledger) {
    struct sensor_report *report = &reporter->report;
    report->packets_processed = ledger->intake.ignored[DECODE_METERED];
    report->packets_ignored = 0;
    report->ignored_count = 0;
    for (int i = DECODE_METERED + 1; i < DECODE_REASON_COUNT; i++) {
        if (ledger->intake.ignored[i] == 0)
            continue;
        const char *name = decode_reason_name((enum decode_reason)i);
        reporter->reasons[report->ignored_count] = (struct text){name, strlen(name)};
        reporter->counts[report->ignored_count++] = (int64_t)ledger->intake.ignored[i];
        report->packets_ignored += ledger->intake.ignored[i];
    }
    report->meter_count = ledger->meters;
    report->overload_step = 0;
    for (size_t i = 0; i < ledger->meters; i++) {
        reporter->meters_packets[i] = (int64_t)ledger->balance[i];
        if (ledger->overload[i] > report->overload_step)
            report->overload_step = ledger->overload[i];
    }
}

const struct sensor_report *reporter_make(struct reporter *reporter, const struct ledger *ledger, int64_t now,
                                          bool is_last) {
    struct sensor_report *report = &reporter->report;
    reporter->previous = *report;
    memcpy(reporter->meters_previous, reporter->meters_packets, sizeof reporter->meters_previous);
    report->time = clock_realtime();
    report->interval = now - reporter->made;
    report->is_last = is_last;
    report->resident_memory = resident_memory();
    take_counters(report, ledger);
    count_flows(report, &ledger->meter);
    count_packets(reporter, ledger);
    reporter->made = now;
    if (now >= reporter->due)
        reporter->due += reporter->interval * ((now - reporter->due) / reporter->interval + 1);
    return report;
}

static void count_output(struct reporter *reporter, const struct snapshot *snapshot, size_t output,
                         int64_t last_seq) {
    const char *name = snapshot->plans[output]->name;
    size_t place = reporter->report.heartbeat.output_count++;
    reporter->outputs[place] = (struct text){name, strlen(name)};
    reporter->last_seqs[place] = last_seq;
    reporter->records_made[place] = (int64_t)snapshot->ledger.records[output].made;
    reporter->records_acknowledged[place] = (int64_t)snapshot->outputs[output].sink.acknowledged;
    reporter->records_dropped[place] = (int64_t)snapshot_all_dropped(snapshot, output);
}

const struct sensor_report *reporter_make_heartbeat(struct reporter *reporter,
                                                    const struct snapshot *snapshot, const int64_t *last_seqs,
                                                    int64_t now, bool is_last) {
    reporter_make(reporter, &snapshot->ledger, now, is_last);
    reporter->report.heartbeat.bounds = snapshot->ledger.bounds;
    reporter->report.heartbeat.output_count = 0;
    for (size_t i = 0; i < snapshot->output_count; i++)
        if (snapshot->plans[i]->schema->records == OF_FLOW)
            count_output(reporter, snapshot, i, last_seqs[i]);
    return &reporter->report;
}

static void print_total(FILE *stream, const char *name, uint64_t total, uint64_t before) {
    fprintf(stream, "%s %" PRIu64 " (+%" PRIu64 ")", name, total, total - before);
}

static void print_counters(FILE *stream, const struct sensor_report *now,
                           const struct sensor_report *before) {
#define UNREPORTED
#define REPORTED(field, words) \
    if (words)                 \
        print_total(stream, words, now->field, before->field);
#define COUNTER(place, name, how, type, unit, metric, help, reported, said) reported
#include "app/account/counters.def"
}

static void print_report(FILE *stream, const struct reporter *reporter) {
    const struct sensor_report *now = &reporter->report, *before = &reporter->previous;
    fprintf(stream, "%s in %.1f s:", now->is_last ? "last performance report" : "performance report",
            (double)now->interval / 1e6);
    print_total(stream, " flows expired", now->flows_expired, before->flows_expired);
    fprintf(stream, ", open %" PRIu64, now->flows_open);
    print_total(stream, "; packets processed", now->packets_processed, before->packets_processed);
    print_total(stream, ", ignored", now->packets_ignored, before->packets_ignored);
    print_counters(stream, now, before);
    for (size_t i = 0; i < now->meter_count; i++)
        print_total(stream, i == 0 ? "; meters" : ",", (uint64_t)reporter->meters_packets[i],
                    (uint64_t)reporter->meters_previous[i]);
    if (now->overload_step > 0)
        fprintf(stream, "; overload step %" PRIu64, now->overload_step);
}

void reporter_log(const struct reporter *reporter) {
    struct log_draft draft;
    FILE *stream = log_draft_begin(&draft);
    if (!stream)
        return;
    print_report(stream, reporter);
    log_draft_end(&draft, LOG_INFO);
}
