/* Packets and flows. */
#include <inttypes.h>
#include <stdio.h>

#include "app/monitor/getters.h"

static const struct ledger *ledger_of(const struct metric_source *source) {
    return &source->snapshot->ledger;
}

GETTER(packets) {
    metric_count(text, NULL, ledger_of(source)->packets);
}

GETTER(bytes) {
    metric_count(text, NULL, ledger_of(source)->bytes);
}

GETTER(kernel_dropped) {
    metric_count(text, NULL, ledger_of(source)->capture.dropped_kernel);
}

GETTER(interface_dropped) {
    metric_count(text, NULL, ledger_of(source)->capture.dropped_interface);
}

GETTER(buffer_bytes) {
    uint64_t ring = source->plan->live ? source->plan->capture.socket_buffer_size : 0;
    metric_count(text, NULL, ring * source->plan->meters);
}

GETTER(ignored) {
    for (int i = DECODE_METERED + 1; i < DECODE_REASON_COUNT; i++)
        metric_count(text, METRIC_LABELS({"reason", decode_reason_name((enum decode_reason)i)}),
                     ledger_of(source)->ignored[i]);
}

GETTER(held) {
    metric_count(text, NULL, ledger_of(source)->held);
}

GETTER(clock_steps) {
    metric_count(text, NULL, ledger_of(source)->capture.clock_steps);
}

GETTER(times_raised) {
    metric_count(text, NULL, ledger_of(source)->times_raised);
}

GETTER(meter_packets) {
    for (size_t i = 0; i < ledger_of(source)->meters; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        metric_count(text, METRIC_LABELS({"meter", number}), ledger_of(source)->balance[i]);
    }
}

GETTER(flows_opened) {
    metric_count(text, NULL, ledger_of(source)->meter.flows_opened);
}

GETTER(flows_ended) {
    for (int i = 0; i < END_REASON_COUNT; i++)
        metric_count(text, METRIC_LABELS({"reason", end_reason_name((enum end_reason)i)}),
                     ledger_of(source)->meter.flows_exported[i]);
}

GETTER(flows_discarded) {
    metric_count(text, NULL, ledger_of(source)->meter.flows_discarded);
}

GETTER(flows_open) {
    metric_count(text, NULL, ledger_of(source)->meter.flows_open);
}

GETTER(table_size) {
    metric_count(text, NULL, source->plan->meter.flow_table_size * source->plan->meters);
}

GETTER(meter_memory) {
    metric_count(text, NULL, ledger_of(source)->meter.memory);
}

/* An application has samples once it was seen. */
static void write_applications(struct metric_text *text, const struct metric_source *source,
                               uint64_t (*value)(const struct application_counts *)) {
    const struct applications *applications = &source->snapshot->ledger.applications;
    const struct meter *meter = source->run->namer;
    for (size_t i = 0; i < applications->count; i++)
        if (applications->counts[i].flows > 0)
            metric_count(text, METRIC_LABELS({"application", meter_protocol_name(meter, i)}),
                         value(&applications->counts[i]));
}

static uint64_t flows_of(const struct application_counts *counts) {
    return counts->flows;
}

static uint64_t packets_of(const struct application_counts *counts) {
    return counts->packets;
}

static uint64_t bytes_of(const struct application_counts *counts) {
    return counts->bytes;
}

GETTER(application_flows) {
    write_applications(text, source, flows_of);
}

GETTER(application_packets) {
    write_applications(text, source, packets_of);
}

GETTER(application_bytes) {
    write_applications(text, source, bytes_of);
}
