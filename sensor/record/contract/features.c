#include "record/contract/features.h"

#include <inttypes.h>
#include <string.h>

#include "record/anonymize/registered_domain.h"
#include "record/contract/metering.h"
#include "record/contract/label_release.h"

/* Definition versions of the bound rows, by the row that this profile fills. */
static void add_fields(struct canonical *lines, const struct schema *schema, enum meter_profile profile) {
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct catalogue_row *row = bound_field_row(&schema->fields[i], profile);
        canonical_add(lines, "field.%s=%d\n", schema->fields[i].name, row != NULL ? row->version : 0);
    }
}

/* Settings that matter only to fields of their group. */
static void add_groups(struct canonical *lines, unsigned groups, const struct identity *identity, bool live,
                       unsigned snapshot_length) {
    const struct meter_options *meter = identity->meter;
    if (groups & 1u << GROUP_STATS)
        canonical_add(lines, "statistical_analysis=%s\n", canonical_switch(meter->statistical_analysis));
    if (groups & (1u << GROUP_SPLT | 1u << GROUP_SPLT_MORE)) {
        canonical_add(lines, "splt_analysis=%" PRIu32 "\n", meter->splt_analysis);
        metering_add_splt_packets(lines, identity);
    }
    if ((groups & GROUPS_OF_NDPI) != 0) {
        canonical_add(lines, "n_dissections=%" PRIu32 "\n", meter->n_dissections);
        canonical_add(lines, "ndpi_version=%.*s\n", label_release_length(identity->ndpi_version),
                      identity->ndpi_version);
    }
    if (groups & 1u << GROUP_PROCESS)
        canonical_add(lines, "system_visibility_mode=%d\n", identity->system_visibility);
    if (groups & 1u << GROUP_UDPS)
        metering_add_counters(lines, identity);
    /* The snapshot length matters only for what is read of payload, and for whether a packet counts as truncated: headers fit
     * into any. A file has its own. */
    if (live && (groups & (GROUPS_OF_PAYLOAD | 1u << GROUP_QUALITY)) != 0)
        canonical_add(lines, "snapshot_length=%u\n", snapshot_length);
}

/* Adds methods, never keys. A field with the rule "keep" is as one without a rule. */
static void add_policy(struct canonical *lines, const struct schema *schema,
                       const struct anonymize_policy *policy) {
    for (size_t i = 0; i < policy->count; i++) {
        char text[ANONYMIZE_RULE_TEXT_SIZE];
        anonymize_rule_format(&policy->rules[i], text);
        if (policy->rules[i].method != ANONYMIZE_KEEP)
            canonical_add(lines, "anonymize.%s=%s\n", schema->fields[i].name, text);
    }
    if (anonymize_policy_needs_suffixes(policy))
        canonical_add(lines, "public_suffix_list=%s\n", public_suffix_list_id());
}

char *features_text(const struct schema *schema, const struct identity *identity, bool live,
                    unsigned snapshot_length, const struct anonymize_policy *policy) {
    struct canonical lines = {0};
    canonical_add(&lines, "schema=%s\n", schema->full_name);
    canonical_add(&lines, "schema_fingerprint=%016" PRIx64 "\n", schema->fingerprint);
    metering_add_flows(&lines, identity);
    /* The sensor's own records count packets and flows, not bytes. */
    if (schema->records == OF_FLOW)
        metering_add_accounting(&lines, identity);
    metering_add_plugins(&lines, identity);
    add_groups(&lines, schema_groups(schema), identity, live, snapshot_length);
    add_fields(&lines, schema, identity->meter->profile);
    if (policy != NULL)
        add_policy(&lines, schema, policy);
    return canonical_finish(&lines);
}
