#include "app/plan/plan.h"

#include <errno.h>
#include <string.h>

#include "app/config/key_file.h"
#include "app/plan/anonymization_key.h"
#include "app/plan/header_options.h"
#include "app/plan/identity.h"
#include "app/plan/key_options.h"
#include "app/plan/overload_options.h"
#include "app/plan/publish_options.h"
#include "app/plan/switches.h"
#include "base/cores.h"
#include "meter/dissect.h"
#include "meter/udps.h"

enum {
    DEFAULT_DISSECTIONS = 20,
    DEFAULT_SPLT = 20,
    DEFAULT_REPORT_MICROSECONDS = 60 * 1000000,
    DEFAULT_HEARTBEAT_MICROSECONDS = 1000000,
    LIVE_FLOWS = 262144,
    DISSECTION_SHARE = 8, /* live, one of so many flows of the table may be undecided */
    FILE_FLOWS = 16777216,
    /* Mebibytes of a capture that several meters may be behind its reader. */
    WINDOWS = 4,
    WINDOWS_PER_METER = 4,
    POLL_MILLISECONDS = 100,
    /* A flow's socket is looked up when its first packet is handed over: soon, while the socket is still there. */
    PROMPT_MILLISECONDS = 10,
};

/* An output to Kafka must say what becomes of each personal field, since others read it; a file belongs to its owner. */
static int plan_policy(struct output_plan *output, enum meter_profile profile, struct error *error) {
    const struct anonymize_request request = {
        .output = output->name,
        .schema = output->schema,
        .profile = profile,
        .items = (const char *const *)output->config->columns_to_anonymize.items,
        .item_count = output->config->columns_to_anonymize.count,
        .as_text = output->encoding != &encoding_avro,
    };
    int result = anonymize_policy_make(&request, &output->policy, error);
    if (result == 0 && strcmp(output->sink->name, "kafka") == 0)
        result = anonymize_policy_check_complete(&output->policy, &request, error);
    return result;
}

static int load_key(struct plan *plan, struct error *error) {
    return plan->has_pseudonyms ? anonymization_load_key(plan->config, KEY_FILE_START_WAIT, &plan->key, error)
                                : 0;
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

/* Whether user-defined fields are added to the schema. In files they are added to the release's schemas, since a file has
 * its schema with it. A schema given by its path stays as the user wrote it, and a topic's stays as it was registered. */
static bool takes_udps(const struct plan *plan, const struct output_plan *output, const char *schema) {
    return plan->udps_rows != NULL && plan->udps_rows->count > 0 &&
           (plan->schemas == PLAN_SCHEMAS_COMPOSED ||
            (strcmp(output->sink->name, "kafka") != 0 && schema_is_embedded(schema)));
}

static int plan_output(const struct plan *plan, const struct output_config *from, struct output_plan *output,
                       struct error *error) {
    const struct config *config = plan->config;
    enum meter_profile profile = plan->meter.profile;
    output->config = from;
    output->sink = sink_find(config_output_sink(from));
    output->name = config_output_name(from);
    output->encoding = encoding_find(from->format ? from->format : "avro");
    bool has_id = config->registry.url || from->schema_id != 0;
    output->framing = from->framing ? from->framing : has_id ? "confluent" : "single_object";
    const char *name = from->schema ? from->schema : schema_default_name(profile);
    int result = schema_load(name, plan->udps_rows, takes_udps(plan, output, name), &output->schema, error);
    if (result == 0)
        result = schema_check_profile(output->schema, profile, error);
    if (result == 0)
        result = plan_policy(output, profile, error);
    if (result == 0)
        result = header_options_make(from, output->schema, &output->headers, error);
    if (result == 0)
        result = record_kinds_make(from, output->schema, publish_options_kinds(&plan->meter.publish),
                                   &output->kinds, error);
    if (result == 0)
        result = key_options_make(from, output->schema, &output->policy, &output->message_key, error);
    return result == 0 ? check_format(output, error) : result;
}

static int plan_udps(struct plan *plan, struct error *error) {
    const struct config *config = plan->config;
    const struct udps_options options = {
        .packets = {(const char *const *)config->udps.packets.items, config->udps.packets.count},
        .bytes = {(const char *const *)config->udps.bytes.items, config->udps.bytes.count},
        .plugins = {(const char *const *)config->udps.plugins.items, config->udps.plugins.count},
    };
    int result = udps_load(&options, &plan->udps, error);
    if (result < 0 || plan->udps == NULL)
        return result;
    plan->meter.udps = plan->udps;
    plan->udps_rows = udps_rows_create(plan->udps);
    return plan->udps_rows != NULL ? 0 : error_set(error, ENOMEM, EX_OSERR, "out of memory");
}

static enum tunnel_keys tunnel_keys_of(const char *choice) {
    if (strcmp(choice, "none") == 0)
        return TUNNEL_KEYS_NONE;
    return strcmp(choice, "symmetric") == 0 ? TUNNEL_KEYS_SYMMETRIC : TUNNEL_KEYS_ALL;
}

static enum splt_packets splt_packets_of(const char *choice) {
    if (strcmp(choice, "all") == 0)
        return SPLT_ALL;
    return strcmp(choice, "payload") == 0 ? SPLT_PAYLOAD : SPLT_PAYLOAD_NEW;
}

static uint32_t option_or(int64_t configured, uint32_t otherwise) {
    return configured != OPTION_UNSET ? (uint32_t)configured : otherwise;
}

/* A switch that is not set follows the schemas. */
static int plan_switches(struct plan *plan, unsigned asked, struct error *error) {
    const struct config *config = plan->config;
    bool nfstream = plan->meter.profile == PROFILE_NFSTREAM;
    bool splt_more = asked_group(asked, GROUP_SPLT_MORE);
    asked |= splt_more ? 1u << GROUP_SPLT : 0; /* both tell of the same packets */
    bool stats = asked_group(asked, GROUP_STATS), splt = asked_group(asked, GROUP_SPLT),
         l7 = (asked & GROUPS_OF_NDPI) != 0;

    int result = asked_check(config, plan->udps, &plan->meter.overload, asked, error);
    if (result < 0)
        return result;
    plan->meter.splt_packets = splt_packets_of(config->meter.splt_packets);
    if (nfstream && plan->meter.splt_packets != SPLT_ALL)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "meter.splt_packets is for the native profile, NFStream keeps all packets; take it off, or set "
            "profile = \"native\"");
    plan->meter.statistical_analysis = config->meter.statistical_analysis == SWITCH_UNSET
                                           ? stats && !nfstream
                                           : config->meter.statistical_analysis == SWITCH_ON;
    plan->identity.splt_analysis = option_or(config->meter.splt_analysis, nfstream ? 0 : DEFAULT_SPLT);
    plan->identity.n_dissections = option_or(config->meter.n_dissections, DEFAULT_DISSECTIONS);
    plan->meter.splt_analysis = splt ? plan->identity.splt_analysis : 0;
    plan->meter.splt_more = splt_more;
    plan->meter.n_dissections = l7 ? plan->identity.n_dissections : 0;
    if (plan->meter.n_dissections == 0)
        asked &= ~(unsigned)GROUPS_OF_NDPI;
    const struct asked_features features = asked_features(asked);
    plan->meter.features_asked = features.features;
    plan->meter.l7_parts = features.l7_parts;
    plan->decode.decode_tunnels = config->meter.decode_tunnels != SWITCH_OFF;
    plan->decode.tunnel_keys = tunnel_keys_of(config->meter.tunnel_key);

    plan->groups = 1u << GROUP_IDENTITY | 1u << GROUP_QUALITY | 1u << GROUP_CORE | 1u << GROUP_REPORT |
                   1u << GROUP_HEARTBEAT;
    plan->groups |= plan->decode.decode_tunnels ? 1u << GROUP_TUNNEL : 0;
    plan->groups |= plan->meter.statistical_analysis ? 1u << GROUP_STATS : 0;
    plan->groups |= plan->meter.splt_analysis > 0 ? 1u << GROUP_SPLT : 0;
    plan->groups |= splt_more && plan->meter.splt_analysis > 0 ? 1u << GROUP_SPLT_MORE : 0;
    plan->groups |= asked & GROUPS_OF_NDPI;
    plan->groups |= plan->udps != NULL && plan->udps->field_count > 0 ? 1u << GROUP_UDPS : 0;
    plan->groups |= plan->system_visibility ? 1u << GROUP_PROCESS : 0;
    plan->groups |= features.groups;
    plan->groups |= config->identity.conn_key_file ? 1u << GROUP_CONVERSATION : 0;
    return 0;
}

static int plan_tunnel_ports(struct plan *plan, struct error *error) {
    const struct string_list *items = &plan->config->meter.tunnel_ports;
    struct error reason = {0};
    if (items->count > 0 && plan->decode.dialect == DECODE_NFSTREAM)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "meter.tunnel_ports is for the native profile, NFStream's ports are fixed; take it off, or set "
            "profile = \"native\"");
    if (tunnel_ports_set(&plan->tunnel_ports, (const char *const *)items->items, items->count, &reason) < 0)
        return error_set(error, EINVAL, EX_CONFIG, "meter.tunnel_ports: %s", reason.text);
    tunnel_ports_format(&plan->tunnel_ports, plan->tunnel_ports_text);
    plan->decode.tunnel_ports = &plan->tunnel_ports;
    return 0;
}

/* Sets the number of meters, and divides the flow table and nDPI's states among them: nothing else divides them. */
static void plan_meters(struct plan *plan) {
    const struct config *config = plan->config;
    int64_t flows = config->meter.flow_table_size != OPTION_UNSET ? config->meter.flow_table_size
                    : plan->live                                  ? LIVE_FLOWS
                                                                  : FILE_FLOWS;
    unsigned cores = cores_usable("");
    plan->meters = config->meter.n_meters != 0 ? (unsigned)config->meter.n_meters
                   : cores <= PLAN_METERS_MAX  ? (cores > 1 ? cores - 1 : 1)
                                               : PLAN_METERS_MAX;
    plan->capture.windows = plan->meters > 1 ? WINDOWS + WINDOWS_PER_METER * plan->meters : 1;
    plan->meter.flow_table_size = ((uint64_t)flows + plan->meters - 1) / plan->meters;
    int64_t undecided = config->meter.dissection_flows != 0 ? config->meter.dissection_flows
                        : plan->live                        ? flows / DISSECTION_SHARE
                                                            : 0;
    plan->meter.dissection_flows = ((uint64_t)undecided + plan->meters - 1) / plan->meters;
}

/* NFStream's clock counts milliseconds: a fraction of one would be cut off, and the timeout be another than asked for. */
static int check_timeout(const struct plan *plan, const char *option, int64_t timeout, struct error *error) {
    if (plan->meter.profile != PROFILE_NFSTREAM || timeout % 1000 == 0)
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "%s is no whole number of milliseconds, which the profile nfstream counts in; round it, or use "
        "profile = \"native\"",
        option);
}

static int plan_early_ends(struct plan *plan, struct error *error) {
    enum option_switch tcp_end = plan->config->meter.tcp_end;
    int64_t answered = plan->config->meter.udp_answered_timeout;
    bool native = plan->meter.profile == PROFILE_NATIVE;
    if (!native && (tcp_end == SWITCH_ON || answered > 0))
        return error_set(
            error, EINVAL, EX_CONFIG,
            "meter.%s is for the native profile, NFStream's flows end by timeouts alone; take it off, or set "
            "profile = \"native\"",
            tcp_end == SWITCH_ON ? "tcp_end" : "udp_answered_timeout");
    if (answered > plan->meter.idle_timeout)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "meter.udp_answered_timeout is longer than meter.idle_timeout; make it shorter, or \"0s\"");
    plan->meter.tcp_end = native && tcp_end != SWITCH_OFF;
    plan->meter.udp_answered_timeout = answered;
    return 0;
}

static int plan_overload(struct plan *plan, struct error *error) {
    bool applies = plan->live && plan->meter.profile == PROFILE_NATIVE;
    return overload_options_make(plan->config, applies, &plan->meter.overload, error);
}

static int check_timeouts(const struct plan *plan, struct error *error) {
    const struct config *config = plan->config;
    int result = check_timeout(plan, "meter.idle_timeout", config->meter.idle_timeout, error);
    return result == 0 ? check_timeout(plan, "meter.active_timeout", config->meter.active_timeout, error)
                       : result;
}

static void plan_meter(struct plan *plan) {
    const struct config *config = plan->config;
    int64_t microseconds_per_tick = plan->meter.profile == PROFILE_NFSTREAM ? 1000 : 1;
    plan->meter.accounting_mode = (enum accounting_mode)config->meter.accounting_mode;
    plan->meter.idle_timeout = config->meter.idle_timeout / microseconds_per_tick;
    plan->meter.active_timeout = config->meter.active_timeout / microseconds_per_tick;
    plan->meter.preallocate = plan->live;
    plan->meter.system_visibility = plan->system_visibility;
    plan_meters(plan);
}

static enum capture_scope capture_scope_of(const char *choice) {
    if (strcmp(choice, "uplink") == 0)
        return CAPTURE_SCOPE_UPLINK;
    return strcmp(choice, "pods") == 0 ? CAPTURE_SCOPE_PODS : CAPTURE_SCOPE_ALL;
}

/* Where a packet comes by on several interfaces, each of them has flows of its own. On two uplinks it comes by once. */
static void plan_interfaces(struct plan *plan) {
    plan->decode.interfaces_apart = plan->live && plan->meter.profile == PROFILE_NATIVE &&
                                    plan->capture.scope != CAPTURE_SCOPE_UPLINK &&
                                    !capture_of_one_interface(&plan->capture);
    plan->pods_once = plan->decode.interfaces_apart && plan->capture.scope == CAPTURE_SCOPE_PODS;
}

/* Rounded up: a block that is handed over at once would be one packet. */
static uint32_t block_milliseconds(const struct plan *plan) {
    int64_t timeout = plan->config->capture.block_timeout;
    if (timeout == OPTION_UNSET)
        return plan->system_visibility ? PROMPT_MILLISECONDS : CAPTURE_BLOCK_MILLISECONDS;
    return (uint32_t)((timeout + 999) / 1000);
}

static void plan_capture(struct plan *plan) {
    const struct config *config = plan->config;
    plan->live = config->capture.interfaces.count > 0;
    plan->waits_for_room = !plan->live;
    plan->decode.ignore_own_sockets = plan->live && config->capture.exclude_self;
    plan->system_visibility = plan->live && config->meter.system_visibility_mode != 0;
    plan->capture = (struct capture_options){
        .files = plan->live ? NULL : (const char *const *)config->capture.files.items,
        .file_count = config->capture.files.count,
        .sort = config->capture.sort,
        .as_nfstream = plan->meter.profile == PROFILE_NFSTREAM,
        .interfaces = (const char *const *)config->capture.interfaces.items,
        .interface_count = config->capture.interfaces.count,
        .roles = (const char *const *)config->capture.roles.items,
        .role_count = config->capture.roles.count,
        .scope = capture_scope_of(config->capture.scope),
        .segment_sizes = plan->meter.profile == PROFILE_NATIVE,
        .bpf_filter = config->capture.bpf_filter,
        .promiscuous_mode = config->capture.promiscuous_mode,
        .snapshot_length = (uint32_t)config->capture.snapshot_length,
        .socket_buffer_size = (uint32_t)config->capture.socket_buffer_size,
        .poll_milliseconds = plan->system_visibility ? PROMPT_MILLISECONDS : POLL_MILLISECONDS,
        .block_milliseconds = block_milliseconds(plan),
    };
    plan_interfaces(plan);
}

/* An interval that is not set follows the schemas, as switches do. Files have no reports, but heartbeats, which have no line
 * in the log: without an output they would go nowhere. */
static int plan_reports(struct plan *plan, struct error *error) {
    bool reports = false, heartbeats = false;
    for (size_t i = 0; i < plan->output_count; i++) {
        bool of_heartbeats = schema_is_of_heartbeats(plan->outputs[i].schema);
        heartbeats |= of_heartbeats;
        reports |= plan->outputs[i].schema->records == OF_SENSOR && !of_heartbeats;
    }
    int64_t report = plan->config->performance_report, heartbeat = plan->config->heartbeat_interval;
    if (report == OPTION_UNSET)
        report = reports ? DEFAULT_REPORT_MICROSECONDS : 0;
    if (heartbeat == OPTION_UNSET)
        heartbeat = heartbeats ? DEFAULT_HEARTBEAT_MICROSECONDS : 0;
    plan->report_interval = plan->live ? report : 0;
    plan->heartbeat_interval = heartbeats ? heartbeat : 0;
    plan->meter.bounds = plan->heartbeat_interval > 0;
    if (heartbeat > 0 && !heartbeats && !plan->config->outputs_replaced)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "heartbeat_interval is set, but no output's schema is of heartbeats; unset it or add an output with schema = \"heartbeat/v1\"");
    return 0;
}

/* The outputs, and what they together ask for: a set of groups. */
static int plan_outputs(struct plan *plan, unsigned *asked, struct error *error) {
    const struct config *config = plan->config;
    unsigned taken = 0;
    int result = 0;
    for (size_t i = 0; result == 0 && i < config->output_count; i++) {
        struct output_plan *output = &plan->outputs[i];
        plan->output_count = i + 1;
        result = plan_output(plan, &config->outputs[i], output, error);
        if (result < 0)
            return result;
        *asked |= schema_groups(output->schema);
        taken |= output->schema->records == OF_FLOW ? output->kinds : 0;
        plan->anonymizes |= anonymize_policy_changes(&output->policy);
        plan->has_pseudonyms |= anonymize_policy_is_keyed(&output->policy);
    }
    return config->output_count > 0
               ? record_kinds_check_taken(publish_options_kinds(&plan->meter.publish), taken, error)
               : 0;
}

int plan_make(const struct config *config, enum plan_schemas schemas, struct plan *plan,
              struct error *error) {
    memset(plan, 0, sizeof *plan);
    plan->config = config;
    plan->schemas = schemas;
    bool nfstream = strcmp(config->profile, "nfstream") == 0;
    plan->meter.profile = nfstream ? PROFILE_NFSTREAM : PROFILE_NATIVE;
    plan->decode.dialect = nfstream ? DECODE_NFSTREAM : DECODE_NATIVE;
    plan_capture(plan);
    plan_meter(plan);

    unsigned asked = 0;
    int result = check_timeouts(plan, error);
    if (result == 0)
        result = plan_early_ends(plan, error);
    if (result == 0)
        result = plan_overload(plan, error);
    if (result == 0)
        result = plan_tunnel_ports(plan, error);
    if (result == 0)
        result = plan_udps(plan, error);
    if (result == 0)
        result = publish_options_make(config, plan->meter.profile, &plan->meter.publish, error);
    if (result == 0)
        result = plan_outputs(plan, &asked, error);
    if (result == 0)
        result = plan_reports(plan, error);
    if (result == 0)
        result = plan_switches(plan, asked, error);
    if (result == 0)
        result = identity_make(config, &plan->identity, error);
    if (result == 0)
        result = load_key(plan, error);
    plan->meter.overload.key = config->identity.conn_key_file ? plan->identity.conn_key : plan->identity.key;
    plan->identity.meter = &plan->meter;
    plan->identity.decode_tunnels = plan->decode.decode_tunnels;
    plan->identity.tunnel_ports = plan->tunnel_ports_text;
    plan->identity.tunnel_keys = config->meter.tunnel_key;
    plan->identity.system_visibility = plan->system_visibility;
    plan->identity.ndpi_version = plan->meter.n_dissections > 0 ? dissector_library_version() : "";
    return result;
}

void plan_forget_key(struct plan *plan) {
    anonymize_key_wipe(&plan->key);
}

void plan_release(struct plan *plan) {
    plan_forget_key(plan);
    for (size_t i = 0; i < plan->output_count; i++) {
        anonymize_policy_release(&plan->outputs[i].policy);
        schema_free(plan->outputs[i].schema);
    }
    plan->output_count = 0;
    udps_rows_free(plan->udps_rows);
    udps_free(plan->udps);
    plan->udps_rows = NULL;
    plan->udps = NULL;
}
