#include "app/run/opening.h"

#include <stdio.h>
#include <string.h>

#include "app/run/pipeline_parts.h"
#include "base/log.h"

static void print_source(FILE *stream, const struct pipeline *pipeline) {
    const struct capture_options *options = &pipeline->plan->capture;
    const struct capture *capture = pipeline->intakes[0].capture;
    const char *link_type = capture_link_type_name(capture);
    const char *first = options->interfaces[0];
    fprintf(stream, "capturing on %s", capture_source_name(capture));
    if (*link_type && strcmp(first, "auto") == 0)
        fputs(" (auto: the default route's)", stream);
    if (*link_type)
        fprintf(stream, ", link type %s", link_type);
    fputs(", ", stream);
    if (options->bpf_filter)
        fprintf(stream, "filter \"%s\"", options->bpf_filter);
    else
        fputs("no filter", stream);
}

static void print_outputs(FILE *stream, const struct plan *plan) {
    for (size_t i = 0; i < plan->output_count; i++) {
        const struct output_plan *output = &plan->outputs[i];
        fprintf(stream, "%s %s (%s, %s)", i == 0 ? "; outputs:" : ",", output->name, output->sink->name,
                output->schema->name);
    }
}

void opening_log(const struct pipeline *pipeline) {
    struct log_draft draft;
    FILE *stream = log_draft_begin(&draft);
    if (!stream)
        return;
    print_source(stream, pipeline);
    fprintf(stream, ", %zu meter%s", pipeline->lane_count, pipeline->lane_count == 1 ? "" : "s");
    print_outputs(stream, pipeline->plan);
    log_draft_end(&draft, LOG_INFO);
    if (pipeline->plan->decode.interfaces_apart && pipeline->plan->capture.scope == CAPTURE_SCOPE_ALL)
        log_line(LOG_INFO,
                 "a packet that passes by several of these interfaces is counted at each of them, and "
                 "observation_point says where; capture.scope = uplink or pods counts it once");
}
