/* feature_hash: a hash of everything that changes a bound value. With it a model can refuse records that it was not
 * trained for. The canonical text is what `flowsensor schema features` prints. */
#pragma once

#include <stddef.h>

#include "record/anonymize/policy.h"
#include "record/schema/schema.h"
#include "record/field/record_source.h"

enum { FEATURE_HASH_SIZE = 33 }; /* 32 hex digits and NUL */

/* Canonical text, one `key=value` a line, sorted, ending in a newline; malloc'd, the caller frees. `policy`: of the
 * schema's fields; NULL: none. NULL: no memory. */
char *features_text(const struct schema *schema, const struct identity *identity, bool live,
                    unsigned snapshot_length, const struct anonymize_policy *policy);

/* First 128 bits of SHA-256 of the canonical text, in hex. */
void features_hash(const char *text, char hash[FEATURE_HASH_SIZE]);
