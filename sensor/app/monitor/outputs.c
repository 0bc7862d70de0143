/* Records and where they went, and the ledger's residuals. */
#include <stdio.h>
#include <string.h>

#include "app/monitor/getters.h"
#include "base/clock.h"

static const char *name_of(const struct metric_source *source, size_t output) {
    return source->snapshot->plans[output]->name;
}

static const struct sink_statistics *sink_of(const struct metric_source *source, size_t output) {
    return &source->snapshot->outputs[output].sink;
}

#define EACH_OUTPUT(i) for (size_t i = 0; (i) < source->snapshot->output_count; (i)++)
#define OUTPUT_LABEL(i) \
    { "output", name_of(source, i) }

/* What is known without a snapshot. */
#define EACH_HEALTH(i) for (size_t i = 0; (i) < source->run->health.output_count; (i)++)

static void write_state(struct metric_text *text, const struct output_health *health, bool state) {
    const struct output_plan *plan = health_of_output(health);
    if (plan)
        metric_count(text, METRIC_LABELS({"output", plan->name}), state);
}

static bool load(const _Atomic bool *state) {
    return atomic_load_explicit(state, memory_order_relaxed);
}

static bool is_kafka(const struct metric_source *source, size_t output) {
    return source->snapshot->plans[output]->sink == &sink_kafka;
}

#define EVERY_OUTPUT true
#define KAFKA_OUTPUT is_kafka(source, output)
#define OUTPUT_COUNTER(name, path, which, ...)                                               \
    GETTER(name) {                                                                           \
        EACH_OUTPUT(output)                                                                  \
        if (which)                                                                           \
            metric_count(text, METRIC_LABELS(OUTPUT_LABEL(output)), source->snapshot->path); \
    }
#include "app/account/counters.def"

static void write_drop(struct metric_text *text, const char *output, const char *reason, uint64_t records) {
    metric_count(text, METRIC_LABELS({"output", output}, {"reason", reason}), records);
}

GETTER(records_dropped) {
    EACH_OUTPUT(i) {
        for (int drop = 0; drop < OUTPUT_DROP_COUNT; drop++)
            write_drop(text, name_of(source, i), output_drop_name((enum output_drop)drop),
                       snapshot_dropped(source->snapshot, i, (enum output_drop)drop));
        for (int drop = 0; drop < SINK_DROP_COUNT; drop++)
            write_drop(text, name_of(source, i), sink_drop_name((enum sink_drop)drop),
                       sink_of(source, i)->dropped[drop]);
    }
}

GETTER(records_in_flight) {
    EACH_OUTPUT(i)
    metric_count(text, METRIC_LABELS(OUTPUT_LABEL(i)), snapshot_in_flight(source->snapshot, i));
}

/* While the loop hangs the records grow older too. */
/* In memory, or in the spool, where it may be from before the start: then only the wall clock knows. */
static int64_t age_of_oldest(const struct metric_source *source, const struct sink_statistics *sink) {
    int64_t since = source->now - source->snapshot->time;
    int64_t in_memory = sink->oldest_age == 0 ? 0 : sink->oldest_age + since;
    int64_t in_spool = sink->spool.oldest == 0 ? 0 : clock_realtime() - sink->spool.oldest;
    return in_memory > in_spool ? in_memory : in_spool;
}

GETTER(oldest_age) {
    EACH_OUTPUT(i)
    if (is_kafka(source, i))
        metric_microseconds(text, NULL, METRIC_LABELS(OUTPUT_LABEL(i)),
                            age_of_oldest(source, sink_of(source, i)));
}

/* The property that names each file. */
static const char *const certificate_files[] = {
#define X(name, property) property,
    SINK_CERTIFICATES(X)
#undef X
};

GETTER(certificates) {
    EACH_OUTPUT(i)
    for (int file = 0; file < SINK_CERTIFICATE_COUNT; file++)
        if (sink_of(source, i)->not_after[file] != 0)
            metric_signed(text, METRIC_LABELS(OUTPUT_LABEL(i), {"file", certificate_files[file]}),
                          sink_of(source, i)->not_after[file]);
}

GETTER(spool_full_in) {
    EACH_OUTPUT(i)
    if (is_kafka(source, i))
        metric_number(text, METRIC_LABELS(OUTPUT_LABEL(i)), sink_of(source, i)->spool.seconds_until_full);
}

static void write_delays(struct metric_text *text, const char *output, const struct delays *delays) {
    uint64_t records = 0;
    for (int bucket = 0; bucket <= DELAYS_BUCKETS; bucket++) {
        char limit[32] = "+Inf";
        records += delays->counts[bucket];
        if (bucket < DELAYS_BUCKETS)
            snprintf(limit, sizeof limit, "%g", (double)delays_limits[bucket] / 1e6);
        metric_count_suffixed(text, "_bucket", METRIC_LABELS({"output", output}, {"le", limit}), records);
    }
    metric_microseconds(text, "_sum", METRIC_LABELS({"output", output}), (int64_t)delays->sum);
    metric_count_suffixed(text, "_count", METRIC_LABELS({"output", output}), records);
}

GETTER(delivery) {
    EACH_OUTPUT(i)
    if (is_kafka(source, i))
        write_delays(text, name_of(source, i), &sink_of(source, i)->delays);
}

GETTER(output_failed) {
    EACH_HEALTH(i) {
        const struct output_health *health = source->run->health.outputs[i];
        write_state(text, health, load(&health->failed) || load(&health->unopened));
    }
}

GETTER(schema_cached) {
    EACH_HEALTH(i) {
        const struct output_health *health = source->run->health.outputs[i];
        write_state(text, health, load(&health->schema_cached) || load(&health->schema_unknown));
    }
}

GETTER(schema_mismatch) {
    EACH_HEALTH(i)
    write_state(text, source->run->health.outputs[i], load(&source->run->health.outputs[i]->mismatch));
}

GETTER(residual) {
    metric_signed(text, METRIC_LABELS({"account", "packets"}), snapshot_packets_residual(source->snapshot));
    metric_signed(text, METRIC_LABELS({"account", "flows"}), snapshot_flows_residual(source->snapshot));
    EACH_OUTPUT(i)
    metric_signed(text, METRIC_LABELS({"account", "exports"}, OUTPUT_LABEL(i)),
                  snapshot_exports_residual(source->snapshot, i));
    EACH_OUTPUT(i)
    metric_signed(text, METRIC_LABELS({"account", "records"}, OUTPUT_LABEL(i)),
                  snapshot_records_residual(source->snapshot, i));
}
