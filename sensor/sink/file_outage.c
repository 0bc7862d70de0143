#include "sink/file_outage.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum { TRY_MICROSECONDS = 500000 };

bool file_outage_is_of_disk(int reason) {
    return reason == ENOSPC || reason == EDQUOT || reason == EIO;
}

bool file_outage_passes(int reason) {
    switch (reason) {
    case EROFS:
    case ENOENT: /* the folder was removed */
    case ENOTDIR:
    case ESTALE: /* a network's file system is away */
    case ENODEV:
    case ENXIO:
    case EACCES:
    case EPERM:
    case EMFILE:
    case ENFILE: return true;
    default: return file_outage_is_of_disk(reason);
    }
}

const char *file_outage_remedy(int reason) {
    switch (reason) {
    case ENOSPC:
    case EDQUOT: return "free space or choose another path with -w";
    case EFBIG: return "raise the limit of a file's size (ulimit -f), or rotate with outputs.rotate_size";
    case EPIPE: return "its reader ended first; keep it running, or write to a file with -w";
    default: return "check it, or choose another path with -w";
    }
}

bool file_outage_tries(const struct file_outage *outage) {
    return !file_outage_is_on(outage) || clock_monotonic() >= outage->next_try;
}

static void tell_of_begin(int reason, const char *output, const char *path, int64_t limit) {
    if (limit > 0)
        log_line(LOG_WARNING, "output \"%s\": cannot write to %s: %s; trying for up to %.1f s; %s", output,
                 path, strerror(reason), (double)limit / 1e6, file_outage_remedy(reason));
    else
        log_line(LOG_WARNING,
                 "output \"%s\": cannot write to %s: %s; trying twice a second, and dropping what finds no "
                 "room meanwhile (write_failed); %s",
                 output, path, strerror(reason), file_outage_remedy(reason));
}

void file_outage_note(struct file_outage *outage, int reason, const char *output, const char *path,
                      uint64_t lost, int64_t limit) {
    int64_t now = clock_monotonic();
    if (!file_outage_is_on(outage)) {
        outage->since = now;
        outage->lost = lost;
        tell_of_begin(reason, output, path, limit);
    }
    outage->reason = reason;
    outage->next_try = now + TRY_MICROSECONDS;
}

void file_outage_end(struct file_outage *outage, const char *output, const char *path, uint64_t lost) {
    if (!file_outage_is_on(outage))
        return;
    log_line(LOG_WARNING, "output \"%s\": %s is written again after %.1f s; records lost: %" PRIu64, output,
             path, (double)(clock_monotonic() - outage->since) / 1e6, lost - outage->lost);
    *outage = (struct file_outage){0};
}
