/* Packets and flows; and all that app/account/counters.def tells without a getter of its own. */
#include <inttypes.h>
#include <stdio.h>

#include "app/host/seccomp.h"
#include "app/monitor/getters.h"

static const struct ledger *ledger_of(const struct metric_source *source) {
    return &source->snapshot->ledger;
}

enum { NUMBER_SIZE = 24 };

static const char *print_meter(size_t meter, char number[NUMBER_SIZE]) {
    snprintf(number, NUMBER_SIZE, "%zu", meter);
    return number;
}

static void write_of_meter(struct metric_text *text, size_t meter, uint64_t count) {
    char number[NUMBER_SIZE];
    metric_count(text, METRIC_LABELS({"meter", print_meter(meter, number)}), count);
}

#define COUNTER(place, name, ...)                                          \
    GETTER(name) {                                                         \
        metric_count(text, NULL, ledger_of(source)->LEDGER_##place(name)); \
    }
#define COUNTERS(place, name, first, end, name_of, type, unit, label, ...) \
    GETTER(name) {                                                         \
        for (int i = first; i < (end); i++)                                \
            metric_count(text, METRIC_LABELS({label, name_of(i)}),         \
                         ledger_of(source)->LEDGER_##place(name)[i]);      \
    }
#define RING_COUNTER(name, ...)                                        \
    GETTER(each_ring_##name) {                                         \
        for (size_t i = 0; i < ledger_of(source)->ring_count; i++)     \
            write_of_meter(text, i, ledger_of(source)->rings[i].name); \
    }
#define VALUE(name, value, ...)          \
    GETTER(name) {                       \
        (void)source;                    \
        metric_count(text, NULL, value); \
    }
#include "app/account/counters.def"

GETTER(buffer_bytes) {
    uint64_t ring = source->plan->live ? source->plan->capture.socket_buffer_size : 0;
    metric_count(text, NULL, ring * source->plan->meters);
}

GETTER(meter_packets) {
    for (size_t i = 0; i < ledger_of(source)->meters; i++)
        write_of_meter(text, i, ledger_of(source)->balance[i]);
}

static void write_card(void *context, const char *interface, uint64_t dropped) {
    metric_count(context, METRIC_LABELS({"interface", interface}), dropped);
}

GETTER(card_dropped) {
    capture_visit_cards(source->run->capture, write_card, text);
}

GETTER(overload_step) {
    for (size_t i = 0; i < ledger_of(source)->meters; i++)
        write_of_meter(text, i, ledger_of(source)->overload[i]);
}

GETTER(overload_seconds) {
    char number[NUMBER_SIZE];
    for (size_t i = 0; i < ledger_of(source)->meters; i++)
        metric_microseconds(text, NULL, METRIC_LABELS({"meter", print_meter(i, number)}),
                            (int64_t)ledger_of(source)->overload_times[i]);
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
