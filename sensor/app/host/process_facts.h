/* What the kernel says of this process, under the names that Prometheus' own clients use. */
#pragma once

#include <stdint.h>

struct process_facts {
    int64_t cpu_time;                         /* microseconds, of all threads */
    int64_t start_time;                       /* microseconds since the epoch */
    uint64_t resident_memory, virtual_memory; /* bytes */
    uint64_t open_files, max_files;
};

/* What can't be read is 0.
 * @thread monitor: it keeps the start time in a static variable, without a lock */
void process_facts_read(struct process_facts *facts);
