/* A progress bar on a terminal while files are read; silent elsewhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on;
    int64_t started; /* microseconds of the monotonic clock */
    int64_t shown;
};

/* @thread main, before the others are started */
void progress_start(struct progress *progress, bool wanted);

/* Redraws at most five times a second. bytes_total 0: unknown, then only counts are shown.
 * @thread read */
void progress_show(struct progress *progress, uint64_t bytes_read, uint64_t bytes_total, uint64_t packets,
                   uint64_t flows);

/* Wipes the bar.
 * @thread any: it changes nothing in *progress */
void progress_end(struct progress *progress);
