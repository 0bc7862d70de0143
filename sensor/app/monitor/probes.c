#include "app/monitor/probes.h"

#include <inttypes.h>

#include "app/host/signals.h"

/* `well`: what to say of a loop that moves. */
static bool say_loop(const struct heartbeat *heartbeat, int64_t now, const char *well, FILE *stream) {
    int64_t age = heartbeat_age(heartbeat, now);
    if (age <= PROBES_LIMIT) {
        fprintf(stream, "%s\n", well);
        return true;
    }
    fprintf(stream, ": has not moved for %.1f s\n", (double)age / 1e6);
    return false;
}

/* What lies behind the loop that delivers. It is no reason to be unready: records wait in the spool or are counted as
 * dropped, capture goes on, and no other pod would do better. */
static int64_t waiting_since(const struct output_health *output) {
    return atomic_load_explicit(&output->waiting_since, memory_order_relaxed);
}

static uint64_t spooled(const struct output_health *output) {
    return atomic_load_explicit(&output->spooled, memory_order_relaxed);
}

static bool has_failed(const struct output_health *output) {
    return atomic_load_explicit(&output->failed, memory_order_relaxed);
}

static bool has_mismatch(const struct output_health *output) {
    return atomic_load_explicit(&output->mismatch, memory_order_relaxed);
}

/* What to say of the loop that delivers, while it moves. */
static const char *state_of_delivery(const struct health *health) {
    bool waits = false, troubled = false;
    for (size_t i = 0; i < health->output_count; i++) {
        if (!health_of_output(health->outputs[i]))
            continue;
        waits |= waiting_since(health->outputs[i]) != 0 || spooled(health->outputs[i]) > 0;
        troubled |= has_failed(health->outputs[i]) || has_mismatch(health->outputs[i]);
    }
    return waits ? ": degraded, records wait" : troubled ? ": degraded" : " ok";
}

/* Captures are numbered as the meters are, if there are several. */
static bool say_loops(const struct health *health, int64_t now, FILE *stream) {
    bool good = true;
    for (size_t i = 0; i < health->capture_count; i++) {
        fputs("capture", stream);
        if (health->capture_count > 1)
            fprintf(stream, " %zu", i);
        good &= say_loop(health->captures[i], now, " ok", stream);
    }
    fputs("delivery", stream);
    good &= say_loop(health->delivery, now, state_of_delivery(health), stream);
    return good;
}

/* What the records of an output wait for. */
static const char *receiver_of(const struct output_plan *plan) {
    return plan->sink == &sink_file ? "disk" : "broker";
}

static const char *note_of_schema(const struct output_health *output) {
    if (atomic_load_explicit(&output->schema_unknown, memory_order_relaxed))
        return " (schema id not known yet)";
    return atomic_load_explicit(&output->schema_cached, memory_order_relaxed) ? " (schema id from the cache)"
                                                                              : "";
}

static void say_output(const struct output_health *output, int64_t now, FILE *stream) {
    const struct output_plan *plan = health_of_output(output);
    if (!plan)
        return;
    const char *name = plan->name, *note = note_of_schema(output);
    int64_t since = waiting_since(output);
    uint64_t records = spooled(output);
    if (has_failed(output))
        fprintf(stream, "output %s: delivery degraded: failed, its records are counted as dropped\n", name);
    else if (has_mismatch(output))
        fprintf(stream, "output %s: delivery degraded: schema mismatch, %" PRIu64 " records spooled\n", name,
                records);
    else if (since != 0)
        fprintf(stream,
                "output %s: delivery degraded: it has waited for the %s for %.1f s, %" PRIu64
                " records spooled%s\n",
                name, receiver_of(plan), (double)(now - since) / 1e6, records, note);
    else if (records > 0)
        fprintf(stream, "output %s: delivery degraded: %" PRIu64 " records spooled%s\n", name, records, note);
    else
        fprintf(stream, "output %s ok%s\n", name, note);
}

/* Once the end has begun the loops make the records of all open flows, and wait for room: that has a limit of its own. */
static bool is_running(enum stage stage) {
    return stage == STAGE_RUNNING && shutdown_deadline() == 0;
}

bool probe_live(const struct health *health, enum stage stage, int64_t now, FILE *stream) {
    if (is_running(stage))
        return say_loops(health, now, stream);
    fputs(stage == STAGE_STARTING ? "starting ok\n" : "stopping ok\n", stream);
    return true;
}

bool probe_ready(const struct health *health, enum stage stage, int64_t now, FILE *stream) {
    if (stage == STAGE_STARTING) {
        fputs("capture: starting\n", stream);
        return false;
    }
    bool good = is_running(stage);
    if (!good)
        fputs("capture: stopping\n", stream);
    else
        good = say_loops(health, now, stream);
    for (size_t i = 0; i < health->output_count; i++)
        say_output(health->outputs[i], now, stream);
    return good;
}

bool probe_started(enum stage stage, FILE *stream) {
    fputs(stage == STAGE_STARTING ? "start: not complete\n" : "start ok\n", stream);
    return stage != STAGE_STARTING;
}
