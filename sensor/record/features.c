#include "record/features.h"

#include <openssl/evp.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "meter/udps.h"
#include "record/anonymize/registered_domain.h"

/* Lines of the canonical text, collected in any order and then sorted. */
struct lines {
    char **line;
    size_t count, capacity;
    bool failed;
};

static void add_line(struct lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(struct lines *lines, const char *format, ...) {
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (length < 0 || lines->count == lines->capacity) {
        if (length >= 0)
            free(line);
        lines->failed = true;
        return;
    }
    lines->line[lines->count++] = line;
}

static int compare_lines(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static const char *on_off(bool on) {
    return on ? "on" : "off";
}

/* Definition versions of the bound rows, by the row that this profile fills. */
static void add_fields(struct lines *lines, const struct schema *schema, enum meter_profile profile) {
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct catalogue_row *row = bound_field_row(&schema->fields[i], profile);
        add_line(lines, "field.%s=%d\n", schema->fields[i].name, row != NULL ? row->version : 0);
    }
}

/* Settings that decide which packets become which flow: they change every field. */
static void add_metering(struct lines *lines, const struct schema *schema, const struct identity *identity) {
    const struct meter_options *meter = identity->meter;
    static const char *const accounting[ACCOUNT_MODES] = {"raw", "ip", "transport", "payload"};
    bool milliseconds = meter->profile == PROFILE_NFSTREAM;
    int64_t tick = milliseconds ? 1000 : 1;
    add_line(lines, "schema=%s\n", schema->full_name);
    add_line(lines, "schema_fingerprint=%016" PRIx64 "\n", schema->fingerprint);
    add_line(lines, "profile=%s\n", milliseconds ? "nfstream" : "native");
    add_line(lines, "idle_timeout_us=%" PRId64 "\n", meter->idle_timeout * tick);
    add_line(lines, "active_timeout_us=%" PRId64 "\n", meter->active_timeout * tick);
    if (!milliseconds)
        add_line(lines, "tcp_end=%s\n", on_off(meter->tcp_end));
    if (meter->udp_answered_timeout > 0)
        add_line(lines, "udp_answered_timeout_us=%" PRId64 "\n", meter->udp_answered_timeout);
    /* The sensor's own records count packets and flows, not bytes. */
    if (schema->records == OF_FLOW)
        add_line(lines, "accounting_mode=%s\n", accounting[meter->accounting_mode]);
    add_line(lines, "decode_tunnels=%s\n", on_off(identity->decode_tunnels));
    if (identity->decode_tunnels && !milliseconds) {
        add_line(lines, "tunnel_key=%s\n", identity->tunnel_keys);
        add_line(lines, "tunnel_ports=%s\n", identity->tunnel_ports);
    }
    /* Later fragments: natively metered with their datagram's ports, ignored in the nfstream profile. */
    add_line(lines, "fragments=%s\n", milliseconds ? "first" : "all");
}

/* Settings that matter only to fields of their group. */
static void add_groups(struct lines *lines, unsigned groups, const struct identity *identity, bool live,
                       unsigned snapshot_length) {
    const struct meter_options *meter = identity->meter;
    if (groups & 1u << GROUP_STATS)
        add_line(lines, "statistical_analysis=%s\n", on_off(meter->statistical_analysis));
    if (groups & 1u << GROUP_SPLT)
        add_line(lines, "splt_analysis=%" PRIu32 "\n", meter->splt_analysis);
    if (groups & 1u << GROUP_L7) {
        add_line(lines, "n_dissections=%" PRIu32 "\n", meter->n_dissections);
        /* A build from git appends its number and commit to the version. Each would make another hash, so they are left
         * out. */
        add_line(lines, "ndpi_version=%.*s\n", (int)strcspn(identity->ndpi_version, "-"),
                 identity->ndpi_version);
    }
    if (groups & 1u << GROUP_PROCESS)
        add_line(lines, "system_visibility_mode=%d\n", identity->system_visibility);
    /* The snapshot length matters only for what nDPI sees, and for whether a packet counts as truncated: headers fit
     * into any. A file has its own. */
    if (live && (groups & (1u << GROUP_L7 | 1u << GROUP_QUALITY)) != 0)
        add_line(lines, "snapshot_length=%u\n", snapshot_length);
}

/* A plugin may end flows, so it changes every record; a counter changes its own fields. */
static void add_udps(struct lines *lines, unsigned groups, const struct udps *udps) {
    for (size_t i = 0; i < udps->plugin_count; i++) {
        const struct udps_plugin *plugin = &udps->plugins[i];
        struct buffer text = {0};
        for (size_t j = 0; j < plugin->parameter_count; j++) {
            const struct flowsensor_parameter *parameter = &plugin->parameters[j];
            buffer_append(&text, " ", 1);
            buffer_append(&text, parameter->name, strlen(parameter->name));
            buffer_append(&text, "=", 1);
            buffer_append(&text, parameter->value, strlen(parameter->value));
        }
        buffer_append(&text, "", 1);
        lines->failed |= text.failed;
        add_line(lines, "udps.plugin.%s=%s%s\n", plugin->descriptor->name, plugin->descriptor->version,
                 text.failed ? "" : (const char *)text.data);
        buffer_free(&text);
    }
    for (size_t i = 0; i < udps->counter_count && (groups & 1u << GROUP_UDPS) != 0; i++)
        add_line(lines, "udps.counter.%s=%s %s\n", udps->counters[i].name,
                 udps->counters[i].bytes ? "bytes" : "packets", udps->counters[i].expression);
}

/* Adds methods, never keys. A field with the rule "keep" is as one without a rule. */
static void add_policy(struct lines *lines, const struct schema *schema,
                       const struct anonymize_policy *policy) {
    for (size_t i = 0; i < policy->count; i++) {
        char text[ANONYMIZE_RULE_TEXT_SIZE];
        anonymize_rule_format(&policy->rules[i], text);
        if (policy->rules[i].method != ANONYMIZE_KEEP)
            add_line(lines, "anonymize.%s=%s\n", schema->fields[i].name, text);
    }
    if (anonymize_policy_needs_suffixes(policy))
        add_line(lines, "public_suffix_list=%s\n", public_suffix_list_id());
}

static char *lines_join(struct lines *lines) {
    struct buffer text = {0};
    qsort(lines->line, lines->count, sizeof *lines->line, compare_lines);
    for (size_t i = 0; i < lines->count; i++)
        buffer_append(&text, lines->line[i], strlen(lines->line[i]));
    buffer_append(&text, "", 1);
    if (text.failed || lines->failed)
        buffer_free(&text);
    return (char *)text.data;
}

char *features_text(const struct schema *schema, const struct identity *identity, bool live,
                    unsigned snapshot_length, const struct anonymize_policy *policy) {
    enum { SETTINGS_MAX = 24 };
    const struct udps *udps = identity->meter->udps;
    size_t udps_lines = udps != NULL ? udps->plugin_count + udps->counter_count : 0;
    struct lines lines = {.capacity = 2 * schema->field_count + SETTINGS_MAX + udps_lines};
    lines.line = calloc(lines.capacity, sizeof *lines.line);
    if (lines.line == NULL)
        return NULL;
    add_metering(&lines, schema, identity);
    add_groups(&lines, schema_groups(schema), identity, live, snapshot_length);
    if (udps != NULL)
        add_udps(&lines, schema_groups(schema), udps);
    add_fields(&lines, schema, identity->meter->profile);
    if (policy != NULL)
        add_policy(&lines, schema, policy);
    char *text = lines_join(&lines);
    for (size_t i = 0; i < lines.count; i++)
        free(lines.line[i]);
    free(lines.line);
    return text;
}

void features_hash(const char *text, char hash[FEATURE_HASH_SIZE]) {
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    /* SHA-256 over memory fails only if OpenSSL doesn't have the algorithm. */
    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    for (size_t i = 0; i < (FEATURE_HASH_SIZE - 1) / 2; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}
