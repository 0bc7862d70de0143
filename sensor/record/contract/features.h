/* feature_hash: a hash of everything that changes a bound value of an output's records: how it is metered (metering.h), the
 * schema, and what anonymization makes of it. The canonical text is what `flowsensor schema features` prints. */
#pragma once

#include "record/anonymize/policy.h"
#include "record/contract/canonical.h"
#include "record/field/record_source.h"
#include "record/schema/schema.h"

/* The canonical text; malloc'd, the caller frees. `policy`: of the schema's fields; NULL: none. NULL: no memory. */
char *features_text(const struct schema *schema, const struct identity *identity, bool live,
                    unsigned snapshot_length, const struct anonymize_policy *policy);
