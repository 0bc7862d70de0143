/* A time in which a file takes nothing: the disk is full or has errors, or the folder is gone. It is tried again twice a
 * second. The log has one line when it begins and one when it ends. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct file_outage {
    int64_t since;    /* monotonic clock; 0: there is none */
    int64_t next_try; /* not before that */
    uint64_t lost;    /* records that were lost before it */
    int reason;       /* errno of the last try */
};

/* Whether writing may go well later, though it failed for this reason (errno): nothing but the place is at fault. */
bool file_outage_passes(int reason);

/* Whether the disk is full or has errors, which a wrong path is never mistaken for: a start with it is no mistake. */
bool file_outage_is_of_disk(int reason);

/* How to mend it. */
const char *file_outage_remedy(int reason);

static inline bool file_outage_is_on(const struct file_outage *outage) {
    return outage->since != 0;
}

/* Whether it is time for another try. Costs a look at the clock during an outage. */
bool file_outage_tries(const struct file_outage *outage);

/* Takes note of a try that failed for `reason`. `lost`: records that the output has lost so far; `limit`: microseconds for which
 * it will be tried, for the log; 0: for as long as it takes. */
void file_outage_note(struct file_outage *outage, int reason, const char *output, const char *path,
                      uint64_t lost, int64_t limit);

/* Takes note that all is written. */
void file_outage_end(struct file_outage *outage, const char *output, const char *path, uint64_t lost);
