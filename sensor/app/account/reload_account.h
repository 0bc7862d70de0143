/* What became of the latest SIGHUP. The thread that reads the configuration again stores it, the HTTP thread (`monitor`) loads
 * it: no value depends on the other, so relaxed order is enough. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct reload_account {
    atomic_bool failed; /* the latest one: the configuration before it is in force */
    _Atomic int64_t
        succeeded; /* when one was put into force, at first by the start; microseconds since the epoch */
};
