#include "app/account/snapshot.h"

#include <string.h>

int snapshot_open(struct snapshot *snapshot, size_t applications) {
    *snapshot = (struct snapshot){0};
    return applications_open(&snapshot->made.applications, applications);
}

void snapshot_close(struct snapshot *snapshot) {
    applications_close(&snapshot->made.applications);
}

static void take_output(struct snapshot *snapshot, size_t index, const struct output *output) {
    struct output_snapshot *into = &snapshot->outputs[index];
    into->taken = output->taken;
    memcpy(into->dropped, output->dropped, sizeof into->dropped);
    output->plan->sink->statistics(output->sink, &into->sink);
    if (!output_is_of_flows(output))
        record_counts_add(&snapshot->made.records[index], &output->shares[0].records);
}

void snapshot_begin(struct snapshot *snapshot, const struct delivery *delivery) {
    tally_clear(&snapshot->made);
    snapshot->output_count = delivery->count;
    snapshot->reports = delivery->reports;
    memcpy(snapshot->key_reloads, delivery->key_reloads, sizeof snapshot->key_reloads);
    for (size_t i = 0; i < delivery->count; i++)
        take_output(snapshot, i, &delivery->outputs[i]);
}

void snapshot_copy(struct snapshot *to, const struct snapshot *from) {
    struct applications applications = to->made.applications;
    *to = *from;
    to->made.applications = applications;
    if (applications.count > 0)
        memcpy(applications.counts, from->made.applications.counts,
               applications.count * sizeof *applications.counts);
}

uint64_t snapshot_in_flight(const struct snapshot *snapshot, size_t output) {
    const struct output_snapshot *from = &snapshot->outputs[output];
    uint64_t sent = snapshot->made.records[output].sent;
    return from->sink.in_flight + (sent > from->taken ? sent - from->taken : 0);
}

uint64_t snapshot_dropped(const struct snapshot *snapshot, size_t output, enum output_drop drop) {
    return snapshot->made.records[output].dropped[drop] + snapshot->outputs[output].dropped[drop];
}

int64_t snapshot_packets_residual(const struct snapshot *snapshot) {
    const struct ledger *ledger = &snapshot->made.ledger;
    uint64_t residual = ledger->packets - ledger->held;
    for (int i = 0; i < DECODE_REASON_COUNT; i++)
        residual -= ledger->ignored[i];
    return (int64_t)residual;
}

int64_t snapshot_flows_residual(const struct snapshot *snapshot) {
    const struct meter_statistics *meter = &snapshot->made.ledger.meter;
    return (int64_t)(meter->flows_opened - meter_flows_exported(meter) - meter->flows_discarded -
                     meter->flows_open);
}

int64_t snapshot_exports_residual(const struct snapshot *snapshot, const struct output_plan *plan,
                                  size_t output) {
    uint64_t due = plan->schema->records == OF_FLOW ? meter_flows_exported(&snapshot->made.ledger.meter)
                                                    : snapshot->reports;
    return (int64_t)(due - snapshot->made.records[output].made);
}

int64_t snapshot_records_residual(const struct snapshot *snapshot, size_t output) {
    const struct sink_statistics *sink = &snapshot->outputs[output].sink;
    uint64_t residual =
        snapshot->made.records[output].made - sink->acknowledged - snapshot_in_flight(snapshot, output);
    for (int i = 0; i < OUTPUT_DROP_COUNT; i++)
        residual -= snapshot_dropped(snapshot, output, (enum output_drop)i);
    for (int i = 0; i < SINK_DROP_COUNT; i++)
        residual -= sink->dropped[i];
    return (int64_t)residual;
}
