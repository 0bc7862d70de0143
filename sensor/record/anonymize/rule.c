#include "record/anonymize/rule.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "record/field/field_getters.h"

enum { IPV4_LENGTH_MAX = 32, IPV6_LENGTH_MAX = 128, IPV4_LENGTH = 24, IPV6_LENGTH = 48 };

static const struct {
    const char *name;
    bool is_keyed;
    unsigned classes; /* bit set of 1 << enum pii_class; ANY: every one, and fields without */
} methods[ANONYMIZE_METHODS] = {
#define ANY UINT_MAX
    [ANONYMIZE_KEEP] = {"keep", false, ANY},
    [ANONYMIZE_DROP] = {"drop", false, ANY},
    [ANONYMIZE_TRUNCATE] = {"truncate", false, 1u << PII_ADDRESS},
    [ANONYMIZE_PREFIX_PRESERVING] = {"prefix_preserving", true, 1u << PII_ADDRESS},
    [ANONYMIZE_HASH] = {"hash", true, ANY},
    [ANONYMIZE_SHORT_HASH] = {"short_hash", true, ANY},
    [ANONYMIZE_KEEP_OUI] = {"keep_oui", true, 1u << PII_MAC},
    [ANONYMIZE_KEEP_REGISTERED_DOMAIN] = {"keep_registered_domain", true, 1u << PII_NAME},
#undef ANY
};

static const uint8_t *flow_source_mac(const struct flow *flow) {
    return flow->source_mac;
}

static const uint8_t *flow_destination_mac(const struct flow *flow) {
    return flow->destination_mac;
}

/* Rows whose value is bytes of the flow: these are mapped as bytes, and no text is parsed. */
static const struct {
    field_getter *get;
    anonymize_bytes_call *bytes;
} byte_rows[] = {
    {get_src_ip, flow_source},
    {get_dst_ip, flow_destination},
    {get_src_mac, flow_source_mac},
    {get_src_oui, flow_source_mac},
    {get_src_mac_padded, flow_source_mac},
    {get_src_oui_padded, flow_source_mac},
    {get_dst_mac, flow_destination_mac},
    {get_dst_oui, flow_destination_mac},
    {get_dst_mac_padded, flow_destination_mac},
    {get_dst_oui_padded, flow_destination_mac},
};

anonymize_bytes_call *anonymize_flow_bytes(const struct catalogue_row *row) {
    for (size_t i = 0; i < sizeof byte_rows / sizeof *byte_rows; i++) {
        if (byte_rows[i].get == row->get)
            return byte_rows[i].bytes;
    }
    return NULL;
}

/* Parses one length of "24,48": a number up to the limit, then the character `end`. Returns what follows; NULL if the form
 * is wrong. */
static const char *parse_length(const char *text, long limit, char end, uint8_t *length) {
    char *rest;
    if (text[0] < '0' || text[0] > '9')
        return NULL;
    long number = strtol(text, &rest, 10);
    if (number > limit || *rest != end)
        return NULL;
    *length = (uint8_t)number;
    return rest + 1;
}

static int parse_truncate(const char *arguments, struct anonymize_rule *rule, struct error *reason) {
    rule->ipv4_length = IPV4_LENGTH;
    rule->ipv6_length = IPV6_LENGTH;
    if (arguments == NULL)
        return 0;
    const char *rest = parse_length(arguments, IPV4_LENGTH_MAX, ',', &rule->ipv4_length);
    if (rest == NULL || parse_length(rest, IPV6_LENGTH_MAX, '\0', &rule->ipv6_length) == NULL)
        return error_set(reason, EINVAL, EX_CONFIG,
                         "truncate takes two prefix lengths, of IPv4 (0 to 32) and IPv6 (0 to 128), as in "
                         "truncate:24,48, not \"%s\"",
                         arguments);
    return 0;
}

static int parse_domain(const char *arguments, struct anonymize_rule *rule, struct error *reason) {
    rule->cut = arguments != NULL && strcmp(arguments, "cut") == 0;
    if (arguments == NULL || rule->cut || strcmp(arguments, "hash") == 0)
        return 0;
    return error_set(
        reason, EINVAL, EX_CONFIG,
        "keep_registered_domain takes hash or cut, for what stands before the domain, not \"%s\"", arguments);
}

static int parse_arguments(const char *arguments, struct anonymize_rule *rule, struct error *reason) {
    if (rule->method == ANONYMIZE_TRUNCATE)
        return parse_truncate(arguments, rule, reason);
    if (rule->method == ANONYMIZE_KEEP_REGISTERED_DOMAIN)
        return parse_domain(arguments, rule, reason);
    return arguments == NULL ? 0
                             : error_set(reason, EINVAL, EX_CONFIG, "%s takes no argument, but has \"%s\"",
                                         methods[rule->method].name, arguments);
}

static int refuse_method(const char *name, struct error *reason) {
    char list[ANONYMIZE_METHODS_TEXT_SIZE];
    const char *nearest = nearest_name(name, &methods[0].name, ANONYMIZE_METHODS, sizeof *methods);
    if (nearest != NULL)
        return error_set(reason, EINVAL, EX_CONFIG, "there is no method \"%s\"; did you mean %s?", name,
                         nearest);
    list[0] = '\0';
    for (int i = 0; i < ANONYMIZE_METHODS; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? ", " : "", methods[i].name);
    return error_set(reason, EINVAL, EX_CONFIG, "there is no method \"%s\"; take one of %s", name, list);
}

int anonymize_rule_parse(const char *text, struct anonymize_rule *rule, struct error *reason) {
    const char *colon = strchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    *rule = (struct anonymize_rule){.is_given = true};
    for (int i = 0; i < ANONYMIZE_METHODS; i++) {
        if (strlen(methods[i].name) == length && memcmp(methods[i].name, text, length) == 0) {
            rule->method = (enum anonymize_method)i;
            return parse_arguments(colon != NULL ? colon + 1 : NULL, rule, reason);
        }
    }
    char name[ANONYMIZE_RULE_TEXT_SIZE];
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name), text);
    return refuse_method(name, reason);
}

void anonymize_rule_format(const struct anonymize_rule *rule, char text[ANONYMIZE_RULE_TEXT_SIZE]) {
    const char *name = methods[rule->method].name;
    if (rule->method == ANONYMIZE_TRUNCATE)
        snprintf(text, ANONYMIZE_RULE_TEXT_SIZE, "%s:%u,%u", name, rule->ipv4_length, rule->ipv6_length);
    else if (rule->method == ANONYMIZE_KEEP_REGISTERED_DOMAIN)
        snprintf(text, ANONYMIZE_RULE_TEXT_SIZE, "%s:%s", name, rule->cut ? "cut" : "hash");
    else
        snprintf(text, ANONYMIZE_RULE_TEXT_SIZE, "%s", name);
}

bool anonymize_method_is_keyed(enum anonymize_method method) {
    return methods[method].is_keyed;
}

bool anonymize_method_is_digest(enum anonymize_method method) {
    return method == ANONYMIZE_HASH || method == ANONYMIZE_SHORT_HASH;
}

bool anonymize_method_fits_class(enum anonymize_method method, enum pii_class pii) {
    return (methods[method].classes & 1u << pii) != 0;
}

bool anonymize_method_fits(enum anonymize_method method, const struct catalogue_row *row, bool nullable,
                           bool as_text) {
    bool is_text = row->type == VALUE_STRING;
    if (!anonymize_method_fits_class(method, row->pii))
        return false;
    switch (method) {
    case ANONYMIZE_KEEP: return true;
    case ANONYMIZE_DROP: return is_text || nullable;
    case ANONYMIZE_HASH:
    case ANONYMIZE_SHORT_HASH: return is_text || as_text;
    case ANONYMIZE_KEEP_REGISTERED_DOMAIN: return is_text;
    default: return anonymize_flow_bytes(row) != NULL;
    }
}

void anonymize_methods_list(enum pii_class pii, const struct catalogue_row *row, bool nullable, bool as_text,
                            char text[ANONYMIZE_METHODS_TEXT_SIZE]) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < ANONYMIZE_METHODS; i++) {
        enum anonymize_method method = (enum anonymize_method)i;
        if (row != NULL ? anonymize_method_fits(method, row, nullable, as_text)
                        : anonymize_method_fits_class(method, pii))
            used += (size_t)snprintf(text + used, ANONYMIZE_METHODS_TEXT_SIZE - used, "%s%s",
                                     used > 0 ? ", " : "", methods[i].name);
    }
}
