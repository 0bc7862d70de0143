#include "app/plan.h"

#include <errno.h>
#include <string.h>

#include "app/identity.h"
#include "meter/dissect.h"

enum {
    DEFAULT_DISSECTIONS = 20,
    DEFAULT_SPLT = 20,
    LIVE_FLOWS = 262144,
    FILE_FLOWS = 16777216,
    POLL_MILLISECONDS = 100,
    /* A flow's socket is looked for when its first packet is handed over: while it is still there. */
    PROMPT_POLL_MILLISECONDS = 10,
};

static bool group_is_on(unsigned groups, enum field_group group) {
    return (groups & (1u << group)) != 0;
}

static int check_pii(const struct output_plan *output, struct error *error) {
    if (strcmp(output->sink->name, "kafka") != 0 || output->config->pii || !schema_has_pii(output->schema))
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "output \"%s\": schema %s has personal data (addresses, names); add the line pii = \"clear\"; to the output to send it as it is",
        output->name, output->schema->name);
}

/* Kafka messages are Avro; text formats are for files. */
static int check_format(const struct output_plan *output, struct error *error) {
    if (strcmp(output->sink->name, "kafka") != 0 || output->encoding == &encoding_avro ||
        strcmp(output->framing, "none") == 0)
        return 0;
    return error_set(error, EINVAL, EX_CONFIG,
                     "output \"%s\": format \"%s\" goes to Kafka only with framing = \"none\"", output->name,
                     output->encoding->name);
}

static int plan_output(const struct config *config, const struct output_config *from,
                       enum meter_profile profile, struct output_plan *output, struct error *error) {
    output->config = from;
    output->sink = sink_find(config_output_sink(from));
    output->name = config_output_name(from);
    output->encoding = encoding_find(from->format ? from->format : "avro");
    output->framing = from->framing ? from->framing : config->registry.url ? "confluent" : "single_object";
    const char *name = from->schema ? from->schema : profile == PROFILE_NFSTREAM ? "nfstream/v1" : "flow/v1";
    int result = schema_load(name, &output->schema, error);
    if (result == 0)
        result = schema_check_profile(output->schema, profile, error);
    if (result == 0)
        result = check_pii(output, error);
    return result == 0 ? check_format(output, error) : result;
}

static int contradiction(const char *option, const char *group, struct error *error) {
    return error_set(
        error, EINVAL, EX_CONFIG,
        "%s is set, but no output's schema has a field of the group %s; unset it or choose such a schema",
        option, group);
}

/* A switch that is not set means what the schemas ask for; set to on though nobody asks, it is a mistake. */
static int plan_switches(struct plan *plan, unsigned asked, struct error *error) {
    const struct config *config = plan->config;
    bool nfstream = plan->meter.profile == PROFILE_NFSTREAM;
    bool stats = group_is_on(asked, GROUP_STATS), splt = group_is_on(asked, GROUP_SPLT),
         l7 = group_is_on(asked, GROUP_L7);

    if (config->meter.statistical_analysis == SWITCH_ON && !stats)
        return contradiction("meter.statistical_analysis", "stats", error);
    if (config->meter.splt_analysis > 0 && !splt)
        return contradiction("meter.splt_analysis", "splt", error);
    if (config->meter.n_dissections > 0 && !l7)
        return contradiction("meter.n_dissections", "l7", error);
    if (config->meter.system_visibility_mode != 0 && !group_is_on(asked, GROUP_PROCESS))
        return contradiction("meter.system_visibility_mode", "process", error);

    plan->meter.statistical_analysis = config->meter.statistical_analysis == SWITCH_UNSET
                                           ? stats && !nfstream
                                           : config->meter.statistical_analysis == SWITCH_ON;
    plan->meter.splt_analysis =
        (uint32_t)(config->meter.splt_analysis != OPTION_UNSET ? config->meter.splt_analysis
                   : splt && !nfstream                         ? DEFAULT_SPLT
                                                               : 0);
    plan->meter.n_dissections =
        (uint32_t)(config->meter.n_dissections != OPTION_UNSET ? config->meter.n_dissections
                   : l7                                        ? DEFAULT_DISSECTIONS
                                                               : 0);
    plan->decode.decode_tunnels = config->meter.decode_tunnels != SWITCH_OFF;

    plan->groups = 1u << GROUP_IDENTITY | 1u << GROUP_QUALITY | 1u << GROUP_CORE;
    plan->groups |= plan->decode.decode_tunnels ? 1u << GROUP_TUNNEL : 0;
    plan->groups |= plan->meter.statistical_analysis ? 1u << GROUP_STATS : 0;
    plan->groups |= plan->meter.splt_analysis > 0 ? 1u << GROUP_SPLT : 0;
    plan->groups |= plan->meter.n_dissections > 0 ? 1u << GROUP_L7 : 0;
    plan->groups |= plan->system_visibility ? 1u << GROUP_PROCESS : 0;
    return 0;
}

static void plan_meter(struct plan *plan) {
    const struct config *config = plan->config;
    int64_t microseconds_per_tick = plan->meter.profile == PROFILE_NFSTREAM ? 1000 : 1;
    plan->meter.accounting_mode = (enum accounting_mode)config->meter.accounting_mode;
    plan->meter.idle_timeout = config->meter.idle_timeout / microseconds_per_tick;
    plan->meter.active_timeout = config->meter.active_timeout / microseconds_per_tick;
    plan->meter.preallocate = plan->live;
    plan->meter.max_flows = (uint64_t)(config->meter.max_flows != OPTION_UNSET ? config->meter.max_flows
                                       : plan->live                            ? LIVE_FLOWS
                                                                               : FILE_FLOWS);
}

static void plan_capture(struct plan *plan) {
    const struct config *config = plan->config;
    plan->live = config->capture.interface != NULL;
    plan->system_visibility = plan->live && config->meter.system_visibility_mode != 0;
    plan->capture = (struct capture_options){
        .files = plan->live ? NULL : (const char *const *)config->capture.files.items,
        .file_count = config->capture.files.count,
        .interface = config->capture.interface,
        .bpf_filter = config->capture.bpf_filter,
        .promiscuous_mode = config->capture.promiscuous_mode,
        .snapshot_length = (uint32_t)config->capture.snapshot_length,
        .socket_buffer_size = (uint32_t)config->capture.socket_buffer_size,
        .poll_milliseconds = plan->system_visibility ? PROMPT_POLL_MILLISECONDS : POLL_MILLISECONDS,
    };
}

int plan_make(const struct config *config, struct plan *plan, struct error *error) {
    memset(plan, 0, sizeof *plan);
    plan->config = config;
    bool nfstream = strcmp(config->profile, "nfstream") == 0;
    plan->meter.profile = nfstream ? PROFILE_NFSTREAM : PROFILE_NATIVE;
    plan->decode.dialect = nfstream ? DECODE_NFSTREAM : DECODE_NATIVE;
    plan_capture(plan);
    plan_meter(plan);

    unsigned asked = 0;
    int result = 0;
    for (size_t i = 0; result == 0 && i < config->output_count; i++) {
        plan->output_count = i + 1;
        result = plan_output(config, &config->outputs[i], plan->meter.profile, &plan->outputs[i], error);
        if (result == 0)
            asked |= schema_groups(plan->outputs[i].schema);
    }
    if (result == 0)
        result = plan_switches(plan, asked, error);
    if (result == 0)
        result = identity_make(config, &plan->identity, error);
    plan->identity.meter = &plan->meter;
    plan->identity.decode_tunnels = plan->decode.decode_tunnels;
    plan->identity.system_visibility = plan->system_visibility;
    plan->identity.ndpi_version = plan->meter.n_dissections > 0 ? dissector_library_version() : "";
    return result;
}

void plan_release(struct plan *plan) {
    for (size_t i = 0; i < plan->output_count; i++)
        schema_free(plan->outputs[i].schema);
    plan->output_count = 0;
}
