#include "record/message_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const char source_field[] = "src_ip", destination_field[] = "dst_ip";

enum message_key_kind message_key_kind_of(const char *name) {
    if (strcmp(name, "src_ip") == 0)
        return MESSAGE_KEY_SRC_IP;
    return strcmp(name, "ip_pair") == 0 ? MESSAGE_KEY_IP_PAIR : MESSAGE_KEY_FLOW_UID;
}

static const char *kind_name(enum message_key_kind kind) {
    return kind == MESSAGE_KEY_SRC_IP ? "src_ip" : "ip_pair";
}

/* The policy's rule for a field that the key is made of; NULL with the error set: there is no such value in a record. */
static const struct anonymize_rule *rule_of(const char *field, enum message_key_kind kind, const char *output,
                                            const struct schema *schema,
                                            const struct anonymize_policy *policy, struct error *error) {
    size_t at = 0;
    while (at < schema->field_count && strcmp(schema->fields[at].name, field) != 0)
        at++;
    if (at == schema->field_count)
        error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": key \"%s\" is made of %s, which the schema %s does not have; take key off, or another schema",
            output, kind_name(kind), field, schema->name);
    else if (policy->rules[at].method == ANONYMIZE_DROP)
        error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": key \"%s\" is made of %s, which columns_to_anonymize drops; take key off, or give %s a method such as prefix_preserving",
            output, kind_name(kind), field, field);
    else
        return &policy->rules[at];
    return NULL;
}

int message_key_check(enum message_key_kind kind, const char *output, const struct schema *schema,
                      const struct anonymize_policy *policy, struct error *error) {
    char one[ANONYMIZE_RULE_TEXT_SIZE], other[ANONYMIZE_RULE_TEXT_SIZE];
    if (kind == MESSAGE_KEY_FLOW_UID)
        return 0;
    const struct anonymize_rule *source = rule_of(source_field, kind, output, schema, policy, error);
    if (source == NULL)
        return -EINVAL;
    if (kind == MESSAGE_KEY_SRC_IP)
        return 0;
    const struct anonymize_rule *destination =
        rule_of(destination_field, kind, output, schema, policy, error);
    if (destination == NULL)
        return -EINVAL;
    anonymize_rule_format(source, one);
    anonymize_rule_format(destination, other);
    if (strcmp(one, other) == 0)
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "output \"%s\": key \"ip_pair\" would differ by the direction, since columns_to_anonymize has %s for src_ip and %s for dst_ip; give both one method",
        output, one, other);
}

static size_t place_of(const char *name, const struct encoded_field *fields, size_t count) {
    size_t at = 0;
    while (at < count && strcmp(fields[at].name, name) != 0)
        at++;
    CHECK(at < count);
    return at;
}

void message_key_bind(enum message_key_kind kind, const struct encoded_field *fields, size_t count,
                      struct message_key *key) {
    key->kind = kind;
    if (kind != MESSAGE_KEY_FLOW_UID)
        key->source = place_of(source_field, fields, count);
    if (kind == MESSAGE_KEY_IP_PAIR)
        key->destination = place_of(destination_field, fields, count);
}

static bool is_lower(struct text one, struct text other) {
    size_t length = one.length < other.length ? one.length : other.length;
    int order = memcmp(one.bytes, other.bytes, length);
    return order != 0 ? order < 0 : one.length < other.length;
}

static void set_pair(struct message_key *key, struct text source, struct text destination,
                     struct message *message) {
    bool forward = is_lower(source, destination);
    struct text first = forward ? source : destination, second = forward ? destination : source;
    DEBUG_CHECK(first.length + 1 + second.length <= sizeof key->text);
    memcpy(key->text, first.bytes, first.length);
    key->text[first.length] = '-';
    memcpy(key->text + first.length + 1, second.bytes, second.length);
    message->key = key->text;
    message->key_length = first.length + 1 + second.length;
}

void message_key_fill(struct message_key *key, const struct value *values, struct message *message) {
    if (key->kind == MESSAGE_KEY_FLOW_UID)
        return;
    const struct value *source = &values[key->source];
    DEBUG_CHECK(!source->is_null);
    message->key = source->text.bytes;
    message->key_length = source->text.length;
    if (key->kind == MESSAGE_KEY_IP_PAIR)
        set_pair(key, source->text, values[key->destination].text, message);
}

void message_key_of_protocol(struct message_key *key, const char *ndpi_version, unsigned protocol,
                             struct message *message) {
    int length = snprintf(key->text, sizeof key->text, "%s:%u", ndpi_version, protocol);
    CHECK(length > 0 && (size_t)length < sizeof key->text);
    message->key = key->text;
    message->key_length = (size_t)length;
}
