/* Makes pseudonyms: the keyed state behind a policy's rules. One belongs to one recorder and its thread; after warm-up
 * nothing is allocated, and nothing is remembered of one value for the next. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "record/anonymize/anonymize_key.h"
#include "record/anonymize/rule.h"
#include "record/field/record_source.h"
#include "record/field/value.h"

struct anonymizer;

/* `key` is used during the call only; NULL where no rule needs one. NULL: no memory. */
struct anonymizer *anonymizer_create(const struct anonymize_key *key);
/* Wipes all that came from the key. NULL is fine. */
void anonymizer_destroy(struct anonymizer *anonymizer);

/* 16 hex digits and NUL; NULL without a key. */
const char *anonymizer_key_id(const struct anonymizer *anonymizer);

/* The field's value as the rule says, instead of its getter's; `nullable`: it may be null. False: OpenSSL or memory
 * failed, and the value is not to be used. */
bool anonymizer_fill(struct anonymizer *anonymizer, const struct anonymize_rule *rule,
                     const struct catalogue_row *row, enum flow_direction direction, bool nullable,
                     const struct record_source *source, struct value *value);
