/* The key of an output's Kafka records, as outputs.key names it. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"
#include "record/anonymize/policy.h"
#include "record/message_key.h"
#include "record/schema/schema.h"

/* Finds the kind of key of records of the schema, as the policy leaves them. EX_CONFIG: they can't have such a key. */
int key_options_make(const struct output_config *output, const struct schema *schema,
                     const struct anonymize_policy *policy, enum message_key_kind *kind, struct error *error);
