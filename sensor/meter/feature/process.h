/* The local process at an end of the flow (NFStream's system visibility): asked for at the flow's first packet, collected
 * when it ends. Readable after on_expire. */
#pragma once

#include <stdint.h>

#include "meter/flow.h"
#include "meter/process/visibility.h"

/* What flow->feature[FEATURE_process] points to. */
struct process_feature {
    const struct process *process; /* NULL: unknown; valid as long as the flow */
    uint32_t ticket;               /* the client's; 0: not asked */
    uint8_t end;                   /* enum visibility_end: where the process is */
    uint8_t asked;                 /* in this slice or an earlier one */
};
