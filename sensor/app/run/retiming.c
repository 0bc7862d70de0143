#include "app/run/retiming.h"

#include <errno.h>

#include "sink/kafka/kafka_header_set.h"

static int needs_restart(const char *option, const char *why, const char *of, struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG, "%s has another value now, which needs a restart: %s%s",
                     option, why, of);
}

static int check(const struct retiming_change *change, const struct plan *next, const char *option,
                 struct error *error) {
    const struct plan *plan = change->plan;
    for (size_t i = 0; i < change->count; i++) {
        if (!change->outputs[i].in_force)
            continue;
        const struct output_plan *output = output_shown_plan(&change->outputs[i]);
        if (output->sink == &sink_kafka && (output->headers & 1u << KAFKA_HEADER_feature_hash) != 0)
            return needs_restart(option, "messages have the header feature_hash, those of output ",
                                 output->name, error);
    }
    if (!meter_takes_timeouts(&plan->meter, &next->meter))
        return needs_restart(option, "a timeout above 71 minutes takes more memory for each flow", "", error);
    return 0;
}

int retiming_prepare(struct retiming_change *change, const struct config *now, const struct plan *next,
                     struct error *error) {
    const struct plan *plan = change->plan;
    bool idle = now->meter.idle_timeout != next->config->meter.idle_timeout;
    bool active = now->meter.active_timeout != next->config->meter.active_timeout;
    if (!idle && !active)
        return 0;
    int result = check(change, next, idle ? "meter.idle_timeout" : "meter.active_timeout", error);
    struct meter_options meter = plan->meter;
    meter.idle_timeout = next->meter.idle_timeout;
    meter.active_timeout = next->meter.active_timeout;
    struct identity identity = plan->identity;
    identity.meter = &meter;
    for (size_t i = 0; result == 0 && i < change->count; i++)
        if (change->outputs[i].in_force)
            result = output_prepare_contract(&change->outputs[i], plan, &identity, error);
    change->is_new = result == 0;
    change->idle_timeout = meter.idle_timeout;
    change->active_timeout = meter.active_timeout;
    return result;
}

void retiming_run(const struct retiming_change *change, struct retiming *retiming,
                  const atomic_bool *given_up) {
    if (!change->is_new)
        return;
    retiming->idle_timeout = change->idle_timeout;
    retiming->active_timeout = change->active_timeout;
    handout_run(&retiming->handout, change->plan->meters + 1, given_up);
}
