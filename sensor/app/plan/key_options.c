#include "app/plan/key_options.h"

#include <errno.h>
#include <string.h>

#include "app/plan/kafka_options.h"

int key_options_make(const struct output_config *output, const struct schema *schema,
                     const struct anonymize_policy *policy, enum message_key_kind *kind,
                     struct error *error) {
    const char *name = config_output_name(output);
    *kind = message_key_kind_of(output->key);
    if (*kind == MESSAGE_KEY_FLOW_UID)
        return 0;
    if (!config_output_is_kafka(output))
        return error_set(error, EINVAL, EX_CONFIG,
                         "output \"%s\": key \"%s\" means nothing without topic; take it off", name,
                         output->key);
    if (schema->records != OF_FLOW)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": key \"%s\" is for records of flows, and schema %s has others; take it off", name,
            output->key, schema->name);
    return message_key_check(*kind, name, schema, policy, error);
}
