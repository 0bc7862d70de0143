#include "meter/flow.h"

#include <stddef.h>

static const char *const end_reason_names[END_REASON_COUNT] = {
    [END_IDLE] = "idle",       [END_ACTIVE] = "active",     [END_OF_INPUT] = "end_of_input",
    [END_EVICTED] = "evicted", [END_SHUTDOWN] = "shutdown",
};

const char *end_reason_name(enum end_reason reason) {
    return (size_t)reason < END_REASON_COUNT ? end_reason_names[reason] : "unknown";
}
