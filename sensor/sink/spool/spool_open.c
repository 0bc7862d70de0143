#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "sink/spool/keeper.h"
#include "sink/spool/recovery.h"
#include "sink/spool/spool_parts.h"

enum { SEGMENT_MIN = 1 << 20, SEGMENT_MAX = 64 << 20, SEGMENTS = 8, SIZE_MIN = 4 << 20 };
enum { BUFFER_DEFAULT = 4 << 20 };

static void free_origin(struct spool_origin *origin) {
    free((char *)origin->message.sensor_id);
    free((char *)origin->message.boot_id);
    free((char *)origin->message.output);
    free((char *)origin->message.feature_hash);
    free((char *)origin->schema_name);
    free((char *)origin->schema_sha256);
    free((char *)origin->schema_text);
    free((char *)origin->framing);
}

static bool copy_origin(struct spool_origin *copy, const struct spool_origin *origin) {
    *copy = (struct spool_origin){
        .message = {.sensor_id = strdup(origin->message.sensor_id),
                    .boot_id = strdup(origin->message.boot_id),
                    .output = strdup(origin->message.output),
                    .feature_hash = strdup(origin->message.feature_hash),
                    .verify = origin->message.verify},
        .schema_name = strdup(origin->schema_name),
        .schema_sha256 = strdup(origin->schema_sha256),
        .schema_text = strdup(origin->schema_text),
        .framing = strdup(origin->framing),
        .schema_id = origin->schema_id,
    };
    return copy->message.sensor_id && copy->message.boot_id && copy->message.output &&
           copy->message.feature_hash && copy->schema_name && copy->schema_sha256 && copy->schema_text &&
           copy->framing;
}

void log_free(struct spool_log *log) {
    if (!log)
        return;
    log_close_ahead(log, log->ahead.segment);
    if (log->writer.open && log->directory)
        close(log->writer.file);
    for (size_t i = 0; i < log->segments.count; i++)
        if (log->segments.segments[i].memory >= 0)
            close(log->segments.segments[i].memory);
    folder_close(&log->folder);
    free_origin(&log->origin);
    pending_free(&log->pending);
    segment_list_free(&log->segments);
    free(log->lanes);
    for (int i = 0; i < 2; i++) {
        buffer_free(&log->chunks[i].records);
        buffer_free(&log->chunks[i].header);
    }
    buffer_free(&log->cursor);
    buffer_free(&log->header);
    free(log->output);
    free(log->directory);
    pthread_cond_destroy(&log->wake);
    pthread_cond_destroy(&log->done);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

/* With nothing in it but what the options say; NULL: no memory. */
static struct spool_log *make_log(const struct spool_options *options,
                                  const struct spool_settings *settings) {
    CHECK(settings->close_limit > 0); /* else a close would leave its thread behind, with the folder */
    struct spool_log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->settings = *settings;
    log->disk = settings->disk;
    log->folder = (struct folder){-1, -1};
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->wake, NULL);
    pthread_cond_init(&log->done, NULL);
    log->size = options->size;
    log->when_full = options->when_full;
    log->low = log->run_first = 1;
    log->output = strdup(options->output);
    log->directory = options->directory ? strdup(options->directory) : NULL;
    bool good = copy_origin(&log->origin, &options->origin) && log->output &&
                (log->directory || !options->directory) &&
                buffer_reserve(&log->chunks[0].records, settings->chunk_size) &&
                buffer_reserve(&log->chunks[1].records, settings->chunk_size);
    if (good)
        return log;
    log_free(log);
    return NULL;
}

/* What can't be: a header that leaves no room for records. */
static int check_sizes(struct spool_log *log, uint64_t buffer_size, struct error *error) {
    uint64_t segment_size = log->settings.segment_size;
    log->header_size = segment_header_size(&log->origin);
    if (log->header_size > SEGMENT_HEADER_MAX || log->header_size > segment_size / 2)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output %s: spool: the schema takes half of a segment (%llu bytes); give it a larger size",
            log->output, (unsigned long long)segment_size);
    log->reserve = log->header_size * (buffer_size / (segment_size / 2) + 2);
    return 0;
}

static int begin(struct spool_log *log, uint64_t buffer_size, struct error *error) {
    int result = check_sizes(log, buffer_size, error);
    if (result == 0 && log->directory)
        result = folder_open(log->disk, log->output, log->directory, &log->folder, error);
    if (result == 0 && log->directory)
        result = recovery_read(log, error);
    if (result < 0)
        return result;
    log->ahead.position = log->low;
    if (pending_create(&log->pending, buffer_size, log->run_first) < 0)
        return error_set(error, ENOMEM, EX_OSERR, "output %s: spool: out of memory", log->output);
    result = thread_start(&log->thread, "spool", keeper_run, log);
    if (result < 0)
        return error_set(error, -result, EX_OSERR, "output %s: no thread for the spool: %s", log->output,
                         strerror(-result));
    return 0;
}

int spool_open_with(const struct spool_options *options, const struct spool_settings *settings,
                    struct spool **opened, struct error *error) {
    struct spool *spool = calloc(1, sizeof *spool);
    struct spool_log *log = spool ? make_log(options, settings) : NULL;
    int result = -ENOMEM;
    if (log)
        result = begin(log, options->buffer_size > 0 ? options->buffer_size : BUFFER_DEFAULT, error);
    else
        error_set(error, ENOMEM, EX_OSERR, "output %s: spool: out of memory", options->output);
    if (result < 0) {
        log_free(log);
        free(spool);
        return result;
    }
    spool->magic = SPOOL_MAGIC;
    spool->log = log;
    spool->next = log->low;
    pthread_mutex_lock(&log->lock);
    growth_sample(&spool->growth, clock_monotonic(), log_bytes(log));
    uint64_t found = log->counts.found, bytes = log->bytes;
    pthread_mutex_unlock(&log->lock);
    if (found > 0)
        log_line(LOG_INFO, "output %s: spool in %s: %llu records wait from before (%llu bytes)", log->output,
                 log->directory, (unsigned long long)found, (unsigned long long)bytes);
    *opened = spool;
    return 0;
}

int spool_open(const struct spool_options *options, struct spool **spool, struct error *error) {
    uint64_t segment_size = options->size / SEGMENTS;
    if (options->size < SIZE_MIN)
        return error_set(error, EINVAL, EX_CONFIG,
                         "output %s: a spool of %llu bytes is too small; it takes at least %d",
                         options->output, (unsigned long long)options->size, SIZE_MIN);
    segment_size = segment_size < SEGMENT_MIN ? SEGMENT_MIN : segment_size;
    const struct spool_settings settings = {
        .disk = &spool_disk_real,
        .segment_size = segment_size < SEGMENT_MAX ? segment_size : SEGMENT_MAX,
        .chunk_size = 256 << 10,
        .write_after = 50000,
        .commit_after = 500000,
        .commit_size = 1 << 20,
        .retry_after = 500000,
        .close_limit = 500000,
        .idle_after = 5000000,
    };
    return spool_open_with(options, &settings, spool, error);
}

/* False: it is busy with the disk. Holding the lock. */
static bool wait_for_thread(struct spool_log *log) {
    int64_t until = clock_monotonic() + (log->late ? 0 : log->settings.close_limit);
    struct timespec moment = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    bool late = false;
    while (!log->over && !late)
        late = pthread_cond_clockwait(&log->done, &log->lock, CLOCK_MONOTONIC, &moment) == ETIMEDOUT;
    return log->over;
}

void spool_close(struct spool *spool) {
    if (!spool)
        return;
    CHECK(IS_VALID(spool, SPOOL_MAGIC));
    struct spool_log *log = spool->log;
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    for (int i = 0; i < SPOOL_JOBS; i++) /* what failed is tried once more */
        log->retry_at[i] = log->retry_at[i] != 0;
    log_wake(log, 0);
    bool over = wait_for_thread(log);
    uint64_t lost = log->pending.end - log->pending.synced_end;
    if (!over) {
        pthread_detach(log->thread);
        log_line(
            LOG_ERROR,
            "output %s: spool in %s: the disk does not answer, %llu records are not on it for sure; what it has "
            "begun ends with the process",
            log->output, log->directory, (unsigned long long)lost);
        log->left = true; /* from now on the log is the thread's */
    }
    pthread_mutex_unlock(&log->lock);
    if (over) {
        pthread_join(log->thread, NULL);
        if (lost > 0 && log->directory)
            log_line(LOG_ERROR, "output %s: spool in %s: %llu records were not written: %s", log->output,
                     log->directory, (unsigned long long)lost, log->disk_error);
        log_free(log);
    }
    MAGIC_CLEAR(spool);
    free(spool);
}
