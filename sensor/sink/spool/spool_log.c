#include <unistd.h>

#include "sink/spool/spool_parts.h"

void log_wake(struct spool_log *log, int64_t when) {
    if (log->sleeping && when < log->sleeping_until) {
        log->sleeping_until = when; /* one call is enough */
        pthread_cond_signal(&log->wake);
    }
}

uint64_t log_first(const struct spool_log *log) {
    const struct segment_list *list = &log->segments;
    uint64_t first = list->count > list->gone ? list->segments[list->gone].first : log->pending.written_end;
    return first > log->low ? first : log->low;
}

void log_close_ahead(struct spool_log *log, uint64_t segment) {
    if (log->ahead.segment == 0 || log->ahead.segment != segment)
        return;
    log->ahead.segment = 0;
    if (log->directory)
        close(log->ahead.file);
}

uint64_t log_bytes(const struct spool_log *log) {
    return log->bytes + log->pending.unwritten;
}
