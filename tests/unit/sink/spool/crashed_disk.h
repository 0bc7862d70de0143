/* What a crash may leave of a disk: all that was synced, and of the rest any part, in sectors of 512 bytes. Fed with what
 * watched_disk.h recorded. Include it once, after that. */
#pragma once

#include <dirent.h>

enum {
    SECTOR = 512,
    CRASHED_FILES = 4096,
    CRASHED_NAMES = 64,
    CRASHED_SIZE = 16 << 10,
    CRASHED_PENDING = 256
};

/* A file with its content, also once it has no name. */
struct crashed_file {
    uint8_t *bytes; /* as synced */
    size_t size;
    const struct disk_event *pending[CRASHED_PENDING]; /* writes and cuts that are not synced */
    size_t pending_count;
};

struct crashed_names {
    struct {
        char name[WATCHED_NAME];
        int file; /* -1: no such name */
    } entries[CRASHED_NAMES];
    size_t count;
};

static struct {
    struct crashed_file files[CRASHED_FILES];
    int file_count;
    struct crashed_names now, synced;
    const struct disk_event *pending[CRASHED_PENDING]; /* changes of names */
    int pending_file[CRASHED_PENDING];
    size_t pending_count;
    uint64_t random;
} crashed = {.random = 88172645463325252};

static uint32_t crashed_random(uint32_t limit) {
    crashed.random ^= crashed.random << 13;
    crashed.random ^= crashed.random >> 7;
    crashed.random ^= crashed.random << 17;
    return (uint32_t)(crashed.random >> 16) % limit;
}

static int *crashed_entry(struct crashed_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->entries[i].name, name) == 0)
            return &names->entries[i].file;
    for (size_t i = 0; i < names->count; i++)
        if (names->entries[i].file < 0) {
            snprintf(names->entries[i].name, WATCHED_NAME, "%s", name);
            return &names->entries[i].file;
        }
    assert_true(names->count < CRASHED_NAMES);
    snprintf(names->entries[names->count].name, WATCHED_NAME, "%s", name);
    names->entries[names->count].file = -1;
    return &names->entries[names->count++].file;
}

static void crashed_change_names(struct crashed_names *names, const struct disk_event *event, int file) {
    int *entry = crashed_entry(names, event->name);
    if (event->call == CALL_OPEN) {
        *entry = file;
    } else {
        file = *entry;
        *entry = -1;
        if (event->call == CALL_RENAME && file >= 0)
            *crashed_entry(names, event->to) = file;
    }
}

static void crashed_name_event(const struct disk_event *event, int file) {
    assert_true(crashed.pending_count < CRASHED_PENDING);
    crashed.pending_file[crashed.pending_count] = file;
    crashed.pending[crashed.pending_count++] = event;
    crashed_change_names(&crashed.now, event, file);
}

/* Makes the write or cut, sector by sector where `chance` of 4 says so. */
static void crashed_apply(const struct disk_event *event, uint8_t *bytes, size_t *size, uint32_t chance) {
    if (event->call != CALL_WRITE) {
        size_t length = event->call == CALL_CUT ? (size_t)event->offset : 0;
        if (crashed_random(4) < chance) {
            if (length < *size)
                memset(bytes + length, 0, *size - length);
            *size = length;
        }
        return;
    }
    for (size_t at = 0; at < event->size;) {
        size_t offset = (size_t)event->offset + at, rest = SECTOR - offset % SECTOR;
        size_t count = event->size - at < rest ? event->size - at : rest;
        if (crashed_random(4) < chance) {
            assert_true(offset + count <= CRASHED_SIZE);
            memcpy(bytes + offset, event->bytes + at, count);
            *size = *size > offset + count ? *size : offset + count;
        }
        at += count;
    }
}

static void crashed_file_event(struct crashed_file *file, const struct disk_event *event) {
    if (event->call != CALL_SYNC) {
        assert_true(file->pending_count < CRASHED_PENDING);
        file->pending[file->pending_count++] = event;
        return;
    }
    if (!file->bytes)
        file->bytes = calloc(1, CRASHED_SIZE);
    for (size_t i = 0; i < file->pending_count; i++)
        crashed_apply(file->pending[i], file->bytes, &file->size, 4);
    file->pending_count = 0;
}

/* The next thing that was done. */
static void crashed_feed(const struct disk_event *event) {
    if (strcmp(event->name, "lock") == 0)
        return;
    int file = *crashed_entry(&crashed.now, event->name);
    switch (event->call) {
    case CALL_OPEN:
        if (file >= 0) {
            crashed_file_event(&crashed.files[file], event);
            break;
        }
        assert_true(crashed.file_count < CRASHED_FILES);
        crashed_name_event(event, crashed.file_count++);
        break;
    case CALL_RENAME:
    case CALL_REMOVE: crashed_name_event(event, -1); break;
    case CALL_SYNC_FOLDER:
        for (size_t i = 0; i < crashed.pending_count; i++)
            crashed_change_names(&crashed.synced, crashed.pending[i], crashed.pending_file[i]);
        crashed.pending_count = 0;
        break;
    default: assert_true(file >= 0); crashed_file_event(&crashed.files[file], event);
    }
}

/* Writes what is left into that folder, which it empties first. */
static void crashed_leave(const char *path) {
    static uint8_t bytes[CRASHED_SIZE];
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = opendir(path);
    for (const struct dirent *entry; (entry = readdir(stream));)
        if (entry->d_name[0] != '.')
            assert_int_equal(unlinkat(descriptor, entry->d_name, 0), 0);
    closedir(stream);
    struct crashed_names names = crashed.synced;
    size_t changes = crashed_random((uint32_t)crashed.pending_count + 1); /* names change in order */
    for (size_t i = 0; i < changes; i++)
        crashed_change_names(&names, crashed.pending[i], crashed.pending_file[i]);
    uint32_t chance = crashed_random(5); /* from none of what was not synced to all of it */
    for (size_t i = 0; i < names.count; i++) {
        if (names.entries[i].file < 0)
            continue;
        const struct crashed_file *file = &crashed.files[names.entries[i].file];
        size_t size = file->size;
        memset(bytes, 0, sizeof bytes);
        if (size > 0)
            memcpy(bytes, file->bytes, size);
        for (size_t j = 0; j < file->pending_count; j++)
            crashed_apply(file->pending[j], bytes, &size, chance);
        int copy = openat(descriptor, names.entries[i].name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(copy, bytes, size), size);
        close(copy);
    }
    close(descriptor);
}
