#include "record/contract/metering.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "meter/udps.h"
#include "record/field/catalogue.h"

void metering_add_accounting(struct canonical *lines, const struct identity *identity) {
    static const char *const accounting[ACCOUNT_MODES] = {"raw", "ip", "transport", "payload"};
    canonical_add(lines, "accounting_mode=%s\n", accounting[identity->meter->accounting_mode]);
}

void metering_add_flows(struct canonical *lines, const struct identity *identity) {
    const struct meter_options *meter = identity->meter;
    bool milliseconds = meter->profile == PROFILE_NFSTREAM;
    int64_t tick = milliseconds ? 1000 : 1;
    canonical_add(lines, "profile=%s\n", milliseconds ? "nfstream" : "native");
    canonical_add(lines, "idle_timeout_us=%" PRId64 "\n", meter->idle_timeout * tick);
    canonical_add(lines, "active_timeout_us=%" PRId64 "\n", meter->active_timeout * tick);
    if (!milliseconds)
        canonical_add(lines, "tcp_end=%s\n", canonical_switch(meter->tcp_end));
    if (meter->udp_answered_timeout > 0)
        canonical_add(lines, "udp_answered_timeout_us=%" PRId64 "\n", meter->udp_answered_timeout);
    canonical_add(lines, "decode_tunnels=%s\n", canonical_switch(identity->decode_tunnels));
    if (identity->decode_tunnels && !milliseconds) {
        canonical_add(lines, "tunnel_key=%s\n", identity->tunnel_keys);
        canonical_add(lines, "tunnel_ports=%s\n", identity->tunnel_ports);
    }
    /* Later fragments: natively metered with their datagram's ports, ignored in the nfstream profile. */
    canonical_add(lines, "fragments=%s\n", milliseconds ? "first" : "all");
}

void metering_add_plugins(struct canonical *lines, const struct identity *identity) {
    const struct udps *udps = identity->meter->udps;
    for (size_t i = 0; udps != NULL && i < udps->plugin_count; i++) {
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
        canonical_add(lines, "udps.plugin.%s=%s%s\n", plugin->descriptor->name, plugin->descriptor->version,
                      text.failed ? "" : (const char *)text.data);
        buffer_free(&text);
    }
}

void metering_add_counters(struct canonical *lines, const struct identity *identity) {
    const struct udps *udps = identity->meter->udps;
    for (size_t i = 0; udps != NULL && i < udps->counter_count; i++)
        canonical_add(lines, "udps.counter.%s=%s %s\n", udps->counters[i].name,
                      udps->counters[i].bytes ? "bytes" : "packets", udps->counters[i].expression);
}

/* Definitions that have changed since their first version. A new field changes no value of another, so a first version has
 * no line. */
static void add_definitions(struct canonical *lines, enum meter_profile profile) {
    for (size_t i = 0; i < catalogue_size; i++) {
        const struct catalogue_row *row = &catalogue[i];
        if (row->version > 1 && (row->records & OF_FLOW) != 0 &&
            (row->profiles & field_profile(profile)) != 0)
            canonical_add(lines, "definition.%s=%d\n", row->name, row->version);
    }
}

void metering_add_splt_packets(struct canonical *lines, const struct identity *identity) {
    static const char *const choices[] = {[SPLT_PAYLOAD] = "payload", [SPLT_PAYLOAD_NEW] = "payload_new"};
    if (identity->meter->splt_packets != SPLT_ALL)
        canonical_add(lines, "splt_packets=%s\n", choices[identity->meter->splt_packets]);
}

char *metering_text(const struct identity *identity) {
    struct canonical lines = {0};
    canonical_add(&lines, "metering_version=%d\n", METERING_VERSION);
    metering_add_flows(&lines, identity);
    metering_add_accounting(&lines, identity);
    canonical_add(&lines, "splt_analysis=%" PRIu32 "\n", identity->splt_analysis);
    metering_add_splt_packets(&lines, identity);
    canonical_add(&lines, "n_dissections=%" PRIu32 "\n", identity->n_dissections);
    metering_add_plugins(&lines, identity);
    metering_add_counters(&lines, identity);
    add_definitions(&lines, identity->meter->profile);
    return canonical_finish(&lines);
}

bool metering_hash(const struct identity *identity, char hash[CANONICAL_HASH_SIZE]) {
    char *text = metering_text(identity);
    if (text == NULL)
        return false;
    canonical_hash(text, hash);
    free(text);
    return true;
}
