#include "app/plan/publish_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/plan/name_list.h"
#include "meter/tcp_end.h"

enum {
    DIGITS = 9,
    REVISIONS = UINT16_MAX,             /* of a slice at most (struct flow) */
    OF_PACKETS = EARLY_PACKETS_MAX + 1, /* of these at most for early records */
};

static const struct name_table kinds_table = {record_kind_names, RECORD_KIND_COUNT, "kind",
                                              "an output takes it or not", " and auto"};

/* The option that makes the records, to name it in messages. */
static const char *const makers[RECORD_KIND_COUNT] = {
    [RECORD_EARLY] = "meter.early_packets or meter.early_after",
    [RECORD_UPDATE] = "meter.update_interval",
};

/* The first option that is set; NULL: none is. */
static const char *option_set_first(const struct config *config) {
    return config->meter.early_packets.count > 0 ? "early_packets"
           : config->meter.early_after > 0       ? "early_after"
           : config->meter.update_interval > 0   ? "update_interval"
                                                 : NULL;
}

static int add_packet_number(struct publish_options *options, const char *item, struct error *error) {
    uint32_t last =
        options->early_packet_count > 0 ? options->early_packets[options->early_packet_count - 1] : 0;
    size_t digits = strspn(item, "0123456789");
    if (digits == 0 || digits > DIGITS || item[digits] != '\0' || strtoul(item, NULL, 10) == 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "meter.early_packets: \"%s\" is no number of a packet; write whole numbers from 1 on, as in [ \"3\", \"8\", \"20\" ]",
            item);
    if (strtoul(item, NULL, 10) <= last)
        return error_set(error, EINVAL, EX_CONFIG,
                         "meter.early_packets: \"%s\" comes after %u; write the numbers in rising order",
                         item, last);
    options->early_packets[options->early_packet_count++] = (uint32_t)strtoul(item, NULL, 10);
    return 0;
}

static int check_revisions(const struct config *config, struct error *error) {
    int64_t interval = config->meter.update_interval;
    /* A TCP flow that is closed isn't cut any more, and stays open for the grace. */
    if (interval == 0 ||
        config->meter.active_timeout / interval < REVISIONS - OF_PACKETS - 1 - TCP_GRACE / interval)
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "meter.update_interval: a slice, which lasts for meter.active_timeout, would have more than %d records; make the interval longer or the timeout shorter",
        REVISIONS - OF_PACKETS);
}

int publish_options_make(const struct config *config, enum meter_profile profile,
                         struct publish_options *options, struct error *error) {
    const struct string_list *packets = &config->meter.early_packets;
    const char *option = option_set_first(config);
    *options = (struct publish_options){.early_after = config->meter.early_after,
                                        .update_interval = config->meter.update_interval};
    if (option && profile == PROFILE_NFSTREAM)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "meter.%s is for the native profile, NFStream's flows are recorded at their end alone; take it off, or set profile = \"native\"",
            option);
    if (packets->count > EARLY_PACKETS_MAX)
        return error_set(error, EINVAL, EX_CONFIG,
                         "meter.early_packets: %zu numbers are given, and %d are the most; take some off",
                         packets->count, EARLY_PACKETS_MAX);
    int result = 0;
    for (size_t i = 0; result == 0 && i < packets->count; i++)
        result = add_packet_number(options, packets->items[i], error);
    return result == 0 ? check_revisions(config, error) : result;
}

unsigned publish_options_kinds(const struct publish_options *options) {
    bool early = options->early_packet_count > 0 || options->early_after > 0;
    return 1u << RECORD_FINAL | (early ? 1u << RECORD_EARLY : 0) |
           (options->update_interval > 0 ? 1u << RECORD_UPDATE : 0);
}

static bool has_field(const struct schema *schema, const char *name) {
    for (size_t i = 0; i < schema->field_count; i++)
        if (strcmp(schema->fields[i].name, name) == 0)
            return true;
    return false;
}

/* Records that don't say what they are could be taken for final ones, and their sums be wrong. */
static unsigned automatic_kinds(const struct schema *schema, unsigned made) {
    return has_field(schema, "record_kind") && has_field(schema, "revision") ? made : 1u << RECORD_FINAL;
}

static int check_made(const char *list, unsigned named, unsigned made, struct error *error) {
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        if (named & ~made & 1u << kind)
            return error_set(error, EINVAL, EX_CONFIG,
                             "%s: \"%s\" is named, but no such record is made; set %s, or take it off", list,
                             record_kind_names[kind], makers[kind]);
    return 0;
}

int record_kinds_make(const struct output_config *output, const struct schema *schema, unsigned made,
                      unsigned *kinds, struct error *error) {
    const struct string_list *items = &output->record_kinds;
    unsigned automatic = 0, named = 0, place;
    int result = 0;
    char list[256];
    snprintf(list, sizeof list, "output \"%s\": record_kinds", config_output_name(output));
    for (size_t i = 0; result == 0 && i < items->count; i++)
        if (strcmp(items->items[i], "auto") == 0)
            automatic = automatic_kinds(schema, made);
        else
            result = name_list_add(&kinds_table, list, items->items[i], &named, &place, error);
    *kinds = automatic | named;
    if (result < 0)
        return result;
    if (*kinds == 0)
        return error_set(error, EINVAL, EX_CONFIG,
                         "%s is empty, so that the output would get nothing; name a kind, or take it off",
                         list);
    if (named != 0 && schema->records != OF_FLOW)
        return error_set(error, EINVAL, EX_CONFIG,
                         "%s is of records of flows, and schema %s of the sensor's reports; take it off",
                         list, schema->name);
    return check_made(list, named, made, error);
}

int record_kinds_check_taken(unsigned made, unsigned taken, struct error *error) {
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        if (kind != RECORD_FINAL && (made & ~taken & 1u << kind) != 0)
            return error_set(
                error, EINVAL, EX_CONFIG,
                "%s makes %s records, but no output takes them; add \"%s\" to the record_kinds of one (its schema should have the fields record_kind and revision), or unset it",
                makers[kind], record_kind_names[kind], record_kind_names[kind]);
    return 0;
}
