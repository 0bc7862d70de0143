#include "app/monitor/probes.h"

#include "app/host/signals.h"
#include "app/run/pipeline_parts.h"

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

/* What lies behind the loop that delivers; it is no reason to be unready, since records wait in a queue. */
static int64_t waiting_since(const struct output *output) {
    return atomic_load_explicit(&output->waiting_since, memory_order_relaxed);
}

static bool any_waits(const struct pipeline *pipeline) {
    bool any = false;
    for (size_t i = 0; i < pipeline->delivery.count; i++)
        any |= waiting_since(&pipeline->delivery.outputs[i]) != 0;
    return any;
}

/* Intakes are numbered as the meters are, if there are several. */
static bool say_loops(const struct pipeline *pipeline, int64_t now, FILE *stream) {
    bool good = true;
    for (size_t i = 0; i < pipeline->intake_count; i++) {
        fputs("capture", stream);
        if (pipeline->intake_count > 1)
            fprintf(stream, " %zu", i);
        good &= say_loop(&pipeline->intakes[i].heartbeat, now, " ok", stream);
    }
    fputs("delivery", stream);
    good &=
        say_loop(&pipeline->delivery.heartbeat, now, any_waits(pipeline) ? ": records wait" : " ok", stream);
    return good;
}

static bool say_output(const struct output *output, int64_t now, FILE *stream) {
    const char *problem = NULL;
    if (atomic_load_explicit(&output->failed, memory_order_relaxed))
        problem = "failed";
    else if (atomic_load_explicit(&output->mismatch, memory_order_relaxed))
        problem = "schema mismatch";
    const char *note = output_schema_is_cached(output) ? " (schema id from the cache)" : "";
    int64_t since = waiting_since(output);
    if (problem)
        fprintf(stream, "output %s: %s\n", output->plan->name, problem);
    else if (since != 0)
        fprintf(stream, "output %s: records wait for the broker for %.1f s%s\n", output->plan->name,
                (double)(now - since) / 1e6, note);
    else
        fprintf(stream, "output %s ok%s\n", output->plan->name, note);
    return problem == NULL;
}

/* Once the end has begun the loops make the records of all open flows, and wait for room: that has a limit of its own. */
static bool is_running(enum stage stage) {
    return stage == STAGE_RUNNING && shutdown_deadline() == 0;
}

bool probe_live(const struct pipeline *pipeline, enum stage stage, int64_t now, FILE *stream) {
    if (is_running(stage))
        return say_loops(pipeline, now, stream);
    fputs(stage == STAGE_STARTING ? "starting ok\n" : "stopping ok\n", stream);
    return true;
}

bool probe_ready(const struct pipeline *pipeline, enum stage stage, int64_t now, FILE *stream) {
    if (stage == STAGE_STARTING) {
        fputs("capture: starting\n", stream);
        return false;
    }
    bool good = is_running(stage);
    if (!good)
        fputs("capture: stopping\n", stream);
    else
        good = say_loops(pipeline, now, stream);
    for (size_t i = 0; i < pipeline->delivery.count; i++)
        good &= say_output(&pipeline->delivery.outputs[i], now, stream);
    return good;
}

bool probe_started(enum stage stage, FILE *stream) {
    fputs(stage == STAGE_STARTING ? "start: not complete\n" : "start ok\n", stream);
    return stage != STAGE_STARTING;
}
