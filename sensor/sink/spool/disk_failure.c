#include "sink/spool/disk_failure.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

void disk_failure_note(struct spool_log *log, enum spool_job job, const char *what, const char *name,
                       int result) {
    int64_t now = clock_monotonic();
    bool first = log->failing_since == 0;
    log->counts.disk_errors++;
    log->hurry_failures += log->hurry && (job == JOB_COMMIT || job == JOB_CURSOR);
    /* spool_close() may have come while the call was under way: it is owed one more. */
    bool once_more = log->stopping && !log->failed_at_end[job];
    log->failed_at_end[job] = log->stopping;
    log->retry_at[job] = once_more ? now : now + log->settings.retry_after;
    log->last_errno = -result;
    snprintf(log->disk_error, sizeof log->disk_error, "can't %s %s: %s", what, name, strerror(-result));
    if (!first)
        return;
    log->failing_since = now;
    pthread_mutex_unlock(&log->lock);
    log_line(
        LOG_WARNING,
        "output %s: spool in %s: can't %s %s: %s; records wait in memory, it is tried again twice a second",
        log->output, log->directory ? log->directory : "memory", what, name, strerror(-result));
    pthread_mutex_lock(&log->lock);
}

void failure_end(struct spool_log *log, enum spool_job job) {
    log->retry_at[job] = 0;
    for (int i = 0; i < SPOOL_JOBS; i++)
        if (log->retry_at[i] != 0)
            return;
    if (log->failing_since == 0)
        return;
    double seconds = (double)(clock_monotonic() - log->failing_since) / 1e6;
    log->failing_since = 0;
    pthread_mutex_unlock(&log->lock);
    log_line(LOG_INFO, "output %s: spool in %s: the disk takes everything again, after %.1f s", log->output,
             log->directory ? log->directory : "memory", seconds);
    pthread_mutex_lock(&log->lock);
}
