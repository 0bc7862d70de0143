#include "app/plan/plan_check.h"

#include <errno.h>

#include "app/plan/kafka_options.h"
#include "meter/dissect.h"

/* Whether records of an output that is not of flows are made at all. */
static int check_reports(const struct plan *plan, const struct output_plan *output, struct error *error) {
    bool heartbeats = schema_is_of_heartbeats(output->schema);
    if (output->schema->records == OF_PROTOCOL && plan->meter.n_dissections == 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": schema %s is of nDPI's protocols, and meter.n_dissections is 0; take that, or the output, off",
            output->name, output->schema->name);
    if (output->schema->records != OF_SENSOR ||
        (heartbeats ? plan->heartbeat_interval : plan->report_interval) > 0)
        return 0;
    if (!heartbeats && !plan->live)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": schema %s is of the sensor's performance reports, which only a live capture (-i) makes; take the output off to read files",
            output->name, output->schema->name);
    return error_set(
        error, EINVAL, EX_CONFIG,
        "output \"%s\": schema %s is of the sensor's %s, which are off; add the line %s\"; or take the output off",
        output->name, output->schema->name, heartbeats ? "heartbeats" : "performance reports",
        heartbeats ? "heartbeat_interval = \"1s" : "performance_report = \"60s");
}

int plan_check_output(const struct plan *plan, const struct output_plan *output, struct error *error) {
    struct sink_options options = kafka_options_of(plan->config, output->config);
    options.path = output->config->path;
    options.rotate_size = (uint64_t)output->config->rotate_size;
    options.rotate_flows = (uint64_t)output->config->rotate_flows;
    options.dead_letters = output->config->dead_letters;
    return output->sink->check ? output->sink->check(&options, error) : 0;
}

int plan_check_run(const struct plan *plan, struct error *error) {
    int result = plan->meter.n_dissections > 0 ? dissector_check_library(error) : 0;
    for (size_t i = 0; result == 0 && i < plan->output_count; i++)
        result = check_reports(plan, &plan->outputs[i], error);
    return result;
}

int plan_make_run(const struct config *config, struct plan *plan, struct error *error) {
    *plan = (struct plan){0};
    int result = config_check_registry(config, error);
    if (result == 0)
        result = config_check(config, error);
    if (result == 0)
        result = plan_make(config, PLAN_SCHEMAS_AS_NAMED, plan, error);
    return result == 0 ? plan_check_run(plan, error) : result;
}
