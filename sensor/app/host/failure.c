#include "app/host/failure.h"

#include <errno.h>
#include <stddef.h>

#include "base/log.h"

void failure_init(struct failure *failure, struct progress *progress) {
    pthread_mutex_init(&failure->lock, NULL);
    failure->progress = progress;
    failure->first = (struct error){0};
}

void failure_note(struct failure *failure, const struct error *error) {
    if (error->exit_code == EX_OK)
        return;
    pthread_mutex_lock(&failure->lock);
    progress_end(failure->progress);
    log_line(LOG_ERROR, "%s", error->text);
    if (failure->first.exit_code == 0)
        failure->first = *error;
    pthread_mutex_unlock(&failure->lock);
}

int failure_result(const struct failure *failure, struct error *error) {
    *error = failure->first;
    error->text[0] = '\0';
    return error->exit_code == 0 ? 0 : -EIO;
}
