/* fields_hash: a hash of what decides the values of some fields, such as those that a model uses. What is true of other
 * fields, pseudonyms and nDPI's version among it, doesn't change it. A consumer makes the text again from a record of
 * flow/v2, and knows by its hash whether the record is of the kind that the model was trained on:
 *
 *     anon_key_id=0123456789abcdef   the record's, empty where it is null; only with a field that has a PII class
 *     fields=a,b,c                   sorted by their bytes, each once
 *     metering_hash=HEX              the record's
 *     ndpi_version=4.2.0             the record's, up to a "-"; only with a field of the group l7
 *
 * A record doesn't tell of anonymization without a key (truncate, drop), so a field that has such a rule is refused, and
 * so is a field without personal data that has any. anon_key_id names the key of pseudonyms, not their method. */
#pragma once

#include "base/error.h"
#include "record/anonymize/policy.h"
#include "record/contract/canonical.h"
#include "record/field/record_source.h"
#include "record/schema/schema.h"

/* The output's records, of which some fields are used. */
struct used_fields {
    const struct schema *schema;
    const struct identity *identity;
    const struct anonymize_policy *policy; /* of the schema's fields */
    const char *anon_key_id;               /* NULL: the records have none */
};

/* Sets *text, malloc'd, the caller frees. `names`: with commas between. EX_USAGE with one line: a name that the schema
 * doesn't have or may not be used. */
int used_fields_text(const struct used_fields *used, const char *names, char **text, struct error *error);

/* Whether a value of these fields could be a pseudonym, so that used.anon_key_id counts. Unknown names are passed over. */
bool used_fields_are_personal(const struct schema *schema, enum meter_profile profile, const char *names);
