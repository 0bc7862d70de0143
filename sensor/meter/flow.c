#include "meter/flow.h"

#include <stddef.h>

static const char *const end_reason_names[END_REASON_COUNT] = {
    [END_IDLE] = "idle",           [END_ACTIVE] = "active",       [END_OF_INPUT] = "end_of_input",
    [END_EVICTED] = "evicted",     [END_SHUTDOWN] = "shutdown",   [END_PLUGIN] = "plugin",
    [END_TCP_FIN] = "tcp_fin",     [END_TCP_RESET] = "tcp_reset", [END_ANSWERED] = "answered",
    [END_TCP_REUSE] = "tcp_reuse",
};

const char *const record_kind_names[RECORD_KIND_COUNT] = {
    [RECORD_FINAL] = "final",
    [RECORD_EARLY] = "early",
    [RECORD_UPDATE] = "update",
};

const char *record_kind_name(enum record_kind kind) {
    return (size_t)kind < RECORD_KIND_COUNT ? record_kind_names[kind] : "unknown";
}

const char *end_reason_name(enum end_reason reason) {
    return (size_t)reason < END_REASON_COUNT ? end_reason_names[reason] : "unknown";
}
