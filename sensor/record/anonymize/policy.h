/* How an output anonymizes each of its schema's fields, from `outputs.columns_to_anonymize`. An item is COLUMN, which is
 * hashed as NFStream does, or WHAT=METHOD[:ARGUMENTS], where WHAT is a field, a PII class or "all". The more specific item
 * wins. A policy is made once at the start. Then it doesn't change, and any thread may read it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "record/anonymize/rule.h"
#include "record/schema/schema.h"

struct anonymize_policy {
    struct anonymize_rule *rules; /* one for each of the schema's fields, in its order */
    size_t count;
    struct anonymize_rule text_column; /* of schema_text_column(), where the encoding is text */
};

struct anonymize_request {
    const char *output; /* name, for messages */
    const struct schema *schema;
    enum meter_profile profile;
    const char *const *items;
    size_t item_count;
    bool as_text; /* the encoding has no types: CSV, JSON */
};

/* EX_CONFIG with one line that names item and remedy. Free with anonymize_policy_release(), also after a failure. */
int anonymize_policy_make(const struct anonymize_request *request, struct anonymize_policy *policy,
                          struct error *error);
void anonymize_policy_release(struct anonymize_policy *policy);

/* Whether the configuration has a rule for every field with a PII class: 0, or EX_CONFIG with the line to add. */
int anonymize_policy_check_complete(const struct anonymize_policy *policy,
                                    const struct anonymize_request *request, struct error *error);

/* Whether any value is changed, and whether that takes a key. */
bool anonymize_policy_changes(const struct anonymize_policy *policy);
bool anonymize_policy_is_keyed(const struct anonymize_policy *policy);
/* Whether some field's values depend on the list of public suffixes. */
bool anonymize_policy_needs_suffixes(const struct anonymize_policy *policy);
