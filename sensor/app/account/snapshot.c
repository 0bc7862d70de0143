#include "app/account/snapshot.h"

#include <string.h>

int snapshot_open(struct snapshot *snapshot, size_t applications) {
    *snapshot = (struct snapshot){0};
    return applications_open(&snapshot->ledger.applications, applications);
}

void snapshot_close(struct snapshot *snapshot) {
    applications_close(&snapshot->ledger.applications);
}

void snapshot_clear(struct snapshot *snapshot) {
    struct applications applications = snapshot->ledger.applications;
    *snapshot = (struct snapshot){.ledger.applications = applications};
    ledger_clear(&snapshot->ledger);
}

void snapshot_copy(struct snapshot *to, const struct snapshot *from) {
    struct applications applications = to->ledger.applications;
    *to = *from;
    to->ledger.applications = applications;
    if (applications.count > 0)
        memcpy(applications.counts, from->ledger.applications.counts,
               applications.count * sizeof *applications.counts);
}

uint64_t snapshot_in_flight(const struct snapshot *snapshot, size_t output) {
    const struct delivery_counts *from = &snapshot->outputs[output];
    uint64_t sent = snapshot->ledger.records[output].sent;
    return from->sink.in_flight + (sent > from->taken ? sent - from->taken : 0);
}

uint64_t snapshot_dropped(const struct snapshot *snapshot, size_t output, enum output_drop drop) {
    return snapshot->ledger.records[output].dropped[drop] + snapshot->outputs[output].dropped[drop];
}

uint64_t snapshot_all_dropped(const struct snapshot *snapshot, size_t output) {
    uint64_t dropped = 0;
    for (int i = 0; i < OUTPUT_DROP_COUNT; i++)
        dropped += snapshot_dropped(snapshot, output, (enum output_drop)i);
    for (int i = 0; i < SINK_DROP_COUNT; i++)
        dropped += snapshot->outputs[output].sink.dropped[i];
    return dropped;
}

int64_t snapshot_packets_residual(const struct snapshot *snapshot) {
    const struct ledger *ledger = &snapshot->ledger;
    uint64_t residual = ledger->intake.packets - ledger->intake.held;
    for (int i = 0; i < DECODE_REASON_COUNT; i++)
        residual -= ledger->intake.ignored[i];
    return (int64_t)residual;
}

int64_t snapshot_flows_residual(const struct snapshot *snapshot) {
    const struct meter_statistics *meter = &snapshot->ledger.meter;
    return (int64_t)(meter->flows_opened - meter_flows_exported(meter) - meter->flows_discarded -
                     meter->flows_elsewhere - meter->flows_open);
}

uint64_t snapshot_exports(const struct snapshot *snapshot, size_t output) {
    const struct output_plan *plan = snapshot->plans[output];
    if (plan->schema->records == OF_PROTOCOL)
        return snapshot->protocols;
    if (plan->schema->records != OF_FLOW)
        return schema_is_of_heartbeats(plan->schema) ? snapshot->heartbeats : snapshot->reports;
    uint64_t exports = 0;
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++)
        if ((plan->kinds & 1u << kind) != 0)
            exports += meter_exports(&snapshot->ledger.meter, (enum record_kind)kind);
    return exports - snapshot->ledger.records[output].missed;
}

const char *snapshot_exports_name(const struct output_plan *plan) {
    if (plan->schema->records == OF_PROTOCOL)
        return "protocols";
    if (plan->schema->records == OF_FLOW)
        return "exported";
    return schema_is_of_heartbeats(plan->schema) ? "heartbeats" : "reports";
}

int64_t snapshot_exports_residual(const struct snapshot *snapshot, size_t output) {
    return (int64_t)(snapshot_exports(snapshot, output) - snapshot->ledger.records[output].made);
}

int64_t snapshot_records_residual(const struct snapshot *snapshot, size_t output) {
    const struct sink_statistics *sink = &snapshot->outputs[output].sink;
    return (int64_t)(snapshot->ledger.records[output].made + sink->found - sink->acknowledged -
                     snapshot_in_flight(snapshot, output) - sink->spooled - sink->dead_lettered -
                     snapshot_all_dropped(snapshot, output));
}

bool snapshot_closes(const struct snapshot *snapshot) {
    bool closes = snapshot_packets_residual(snapshot) == 0 && snapshot_flows_residual(snapshot) == 0;
    for (size_t i = 0; i < snapshot->output_count; i++)
        closes = closes && snapshot_exports_residual(snapshot, i) == 0 &&
                 snapshot_records_residual(snapshot, i) == 0;
    return closes;
}
