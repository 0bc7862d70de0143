/* Makes pseudonyms: the keyed state for a policy's rules. An anonymizer belongs to one recorder and its thread. After
 * warm-up it allocates nothing. It keeps no value from one call to the next. */
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

/* Gives the field's value by the rule, instead of the getter's; `nullable`: it may be null. False: OpenSSL or memory
 * failed, and the value must not be used. */
bool anonymizer_fill(struct anonymizer *anonymizer, const struct anonymize_rule *rule,
                     const struct catalogue_row *row, enum flow_direction direction, bool nullable,
                     const struct record_source *source, struct value *value);
