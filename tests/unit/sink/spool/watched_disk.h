/* The real disk, with a look at each call: which one fails, and what was done in which order. Include it once, after
 * cmocka.h. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sink/spool/disk.h"

enum disk_call {
    CALL_OPEN_FOLDER,
    CALL_OPEN,
    CALL_OPEN_MEMORY,
    CALL_READ,
    CALL_WRITE,
    CALL_CUT,
    CALL_SYNC,
    CALL_SYNC_FOLDER,
    CALL_RENAME,
    CALL_REMOVE,
    CALL_STATUS,
    DISK_CALLS
};

enum { WATCHED_NAME = 40, WATCHED_FILES = 1024 };

/* One call that changed something, or synced. */
struct disk_event {
    enum disk_call call;
    char name[WATCHED_NAME], to[WATCHED_NAME];
    bool made; /* an opening that makes the file, or empties it */
    uint64_t offset;
    size_t size;
    uint8_t *bytes;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t goes_on;
    unsigned long calls[DISK_CALLS + 1];
    /* The calls of this kind from `fail_at` on, `fail_count` of them, fail. */
    enum disk_call fail_call;
    unsigned long fail_at, fail_count, failed;
    int fail_errno;
    bool frozen;     /* no call changes anything: the process was killed */
    bool hangs;      /* no call that changes something returns */
    bool looks_hang; /* nor does status(); `hanging` then */
    bool hanging;
    bool slow_reads; /* so that the caller is at something else meanwhile */
    bool no_sync;    /* syncs cost no time, and do nothing */
    bool recording;
    struct disk_event *events;
    size_t event_count, event_capacity;
    char names[WATCHED_FILES][WATCHED_NAME];
} watched = {.lock = PTHREAD_MUTEX_INITIALIZER, .goes_on = PTHREAD_COND_INITIALIZER, .fail_call = DISK_CALLS};

static inline void watched_fail(enum disk_call call, unsigned long at, unsigned long count, int error) {
    pthread_mutex_lock(&watched.lock);
    watched.fail_call = call;
    watched.fail_at = watched.calls[call] + at;
    watched.fail_count = count;
    watched.fail_errno = error;
    watched.failed = 0;
    pthread_mutex_unlock(&watched.lock);
}

static inline unsigned long watched_failed(void) {
    pthread_mutex_lock(&watched.lock);
    unsigned long failed = watched.failed;
    pthread_mutex_unlock(&watched.lock);
    return failed;
}

static inline void watched_hang(bool hangs) {
    pthread_mutex_lock(&watched.lock);
    watched.hangs = hangs;
    pthread_cond_broadcast(&watched.goes_on);
    pthread_mutex_unlock(&watched.lock);
}

static inline void watched_hang_looks(bool hang) {
    pthread_mutex_lock(&watched.lock);
    watched.looks_hang = hang;
    pthread_cond_broadcast(&watched.goes_on);
    pthread_mutex_unlock(&watched.lock);
}

static inline bool watched_is_hanging(void) {
    pthread_mutex_lock(&watched.lock);
    bool hanging = watched.hanging;
    pthread_mutex_unlock(&watched.lock);
    return hanging;
}

static inline void watched_reset(void) {
    for (size_t i = 0; i < watched.event_count; i++)
        free(watched.events[i].bytes);
    watched.event_count = 0;
    watched_hang(false);
    watched_hang_looks(false);
    watched.frozen = watched.no_sync = watched.recording = watched.slow_reads = false;
    watched_fail(DISK_CALLS, 0, 0, 0);
}

/* From now on nothing is changed, as if the process had been killed; or it is as before. */
static inline void watched_freeze(bool frozen) {
    pthread_mutex_lock(&watched.lock);
    watched.frozen = frozen;
    pthread_mutex_unlock(&watched.lock);
}

/* 0, or the -errno that it fails with. */
static int watched_call(enum disk_call call) {
    bool changes = call == CALL_WRITE || call == CALL_CUT || call == CALL_SYNC || call == CALL_SYNC_FOLDER ||
                   call == CALL_RENAME || call == CALL_REMOVE;
    pthread_mutex_lock(&watched.lock);
    while ((watched.hangs && changes) || (watched.hanging = watched.looks_hang && call == CALL_STATUS))
        pthread_cond_wait(&watched.goes_on, &watched.lock);
    unsigned long number = ++watched.calls[call];
    bool fails = call == watched.fail_call && number >= watched.fail_at &&
                 number - watched.fail_at < watched.fail_count;
    watched.failed += fails;
    int result = fails ? -watched.fail_errno : watched.frozen && changes ? -EIO : 0;
    pthread_mutex_unlock(&watched.lock);
    return result;
}

static void watched_event(enum disk_call call, const char *name, const char *to, bool made, uint64_t offset,
                          const void *bytes, size_t size) {
    pthread_mutex_lock(&watched.lock);
    if (watched.recording && watched.event_count == watched.event_capacity) {
        watched.event_capacity = watched.event_capacity > 0 ? 2 * watched.event_capacity : 256;
        watched.events = realloc(watched.events, watched.event_capacity * sizeof *watched.events);
    }
    if (watched.recording) {
        struct disk_event *event = &watched.events[watched.event_count++];
        *event = (struct disk_event){.call = call, .made = made, .offset = offset, .size = size};
        snprintf(event->name, sizeof event->name, "%s", name);
        snprintf(event->to, sizeof event->to, "%s", to);
        if (bytes) {
            event->bytes = malloc(size);
            memcpy(event->bytes, bytes, size);
        }
    }
    pthread_mutex_unlock(&watched.lock);
}

static bool watched_is_frozen(void) {
    pthread_mutex_lock(&watched.lock);
    bool frozen = watched.frozen;
    pthread_mutex_unlock(&watched.lock);
    return frozen;
}

static int watched_open_folder(const char *path) {
    int result = watched_call(CALL_OPEN_FOLDER);
    return result < 0 ? result : spool_disk_real.open_folder(path);
}

static int watched_open(int folder_, const char *name, int flags) {
    int result = watched_call(CALL_OPEN);
    if (result == 0 && (flags & O_TRUNC) && watched_is_frozen())
        result = -EIO;
    if (result == 0)
        result = spool_disk_real.open(folder_, name, flags);
    if (result >= 0 && result < WATCHED_FILES) {
        snprintf(watched.names[result], WATCHED_NAME, "%s", name);
        if (flags & O_CREAT)
            watched_event(CALL_OPEN, name, "", flags & O_TRUNC, 0, NULL, 0);
    }
    return result;
}

static int watched_open_memory(const char *name) {
    int result = watched_call(CALL_OPEN_MEMORY);
    return result < 0 ? result : spool_disk_real.open_memory(name);
}

static ssize_t watched_read(int file, void *bytes, size_t count, uint64_t offset) {
    int result = watched_call(CALL_READ);
    if (watched.slow_reads)
        usleep(100);
    return result < 0 ? result : spool_disk_real.read(file, bytes, count, offset);
}

/* One that fails for want of room has written a part, as a full disk lets it. */
static ssize_t watched_write(int file, const void *bytes, size_t count, uint64_t offset) {
    int result = watched_call(CALL_WRITE);
    if (result == -ENOSPC && count > 1)
        (void)spool_disk_real.write(file, bytes, count / 2, offset);
    if (result < 0)
        return result;
    ssize_t written = spool_disk_real.write(file, bytes, count, offset);
    if (written > 0)
        watched_event(CALL_WRITE, watched.names[file], "", false, offset, bytes, (size_t)written);
    return written;
}

static int watched_cut(int file, uint64_t length) {
    int result = watched_call(CALL_CUT);
    if (result == 0)
        result = spool_disk_real.cut(file, length);
    if (result == 0)
        watched_event(CALL_CUT, watched.names[file], "", false, length, NULL, 0);
    return result;
}

static int watched_sync(int file) {
    int result = watched_call(CALL_SYNC);
    if (result == 0 && !watched.no_sync)
        result = spool_disk_real.sync(file);
    if (result == 0)
        watched_event(CALL_SYNC, watched.names[file], "", false, 0, NULL, 0);
    return result;
}

static int watched_sync_folder(int folder_) {
    int result = watched_call(CALL_SYNC_FOLDER);
    if (result == 0 && !watched.no_sync)
        result = spool_disk_real.sync_folder(folder_);
    if (result == 0)
        watched_event(CALL_SYNC_FOLDER, "", "", false, 0, NULL, 0);
    return result;
}

static int watched_rename(int folder_, const char *from, const char *to) {
    int result = watched_call(CALL_RENAME);
    if (result == 0)
        result = spool_disk_real.rename(folder_, from, to);
    if (result == 0)
        watched_event(CALL_RENAME, from, to, false, 0, NULL, 0);
    return result;
}

static int watched_remove(int folder_, const char *name) {
    int result = watched_call(CALL_REMOVE);
    if (result == 0)
        result = spool_disk_real.remove(folder_, name);
    if (result == 0)
        watched_event(CALL_REMOVE, name, "", false, 0, NULL, 0);
    return result;
}

static int watched_status(int file, struct stat *status) {
    int result = watched_call(CALL_STATUS);
    return result < 0 ? result : spool_disk_real.status(file, status);
}

static const struct spool_disk watched_disk = {
    .open_folder = watched_open_folder,
    .open = watched_open,
    .open_memory = watched_open_memory,
    .read = watched_read,
    .write = watched_write,
    .cut = watched_cut,
    .sync = watched_sync,
    .sync_folder = watched_sync_folder,
    .rename = watched_rename,
    .remove = watched_remove,
    .status = watched_status,
};
