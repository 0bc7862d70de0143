#include "sink/spool/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "sink/spool/segment.h"

static int check_folder(const struct spool_disk *disk, const char *output, const char *path, int descriptor,
                        struct error *error) {
    struct stat status;
    int result = disk->status(descriptor, &status);
    if (result < 0)
        return error_set(error, -result, EX_CANTCREAT, "output %s: spool folder %s: %s", output, path,
                         strerror(-result));
    if (status.st_uid != geteuid())
        return error_set(
            error, EPERM, EX_CONFIG,
            "output %s: spool folder %s belongs to user %u, not to the sensor's user %u; name another folder",
            output, path, (unsigned)status.st_uid, (unsigned)geteuid());
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(error, EPERM, EX_CONFIG,
                         "output %s: spool folder %s may be written by other users; run: chmod 700 %s",
                         output, path, path);
    return 0;
}

static int lock_folder(const struct spool_disk *disk, const char *output, const char *path,
                       struct folder *folder, struct error *error) {
    /* One that is there needs no room on a full disk. */
    int lock = disk->open(folder->descriptor, "lock", O_RDWR);
    if (lock == -ENOENT)
        lock = disk->open(folder->descriptor, "lock", O_RDWR | O_CREAT);
    if (lock < 0)
        return error_set(error, -lock, lock == -EACCES || lock == -EPERM ? EX_NOPERM : EX_CANTCREAT,
                         "output %s: spool folder %s: no lock file can be made: %s", output, path,
                         strerror(-lock));
    folder->lock = lock;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return error_set(
        error, errno, EX_CONFIG,
        "output %s: spool folder %s is in use by another process; each output needs a folder of its own",
        output, path);
}

int folder_open(const struct spool_disk *disk, const char *output, const char *path, struct folder *folder,
                struct error *error) {
    *folder = (struct folder){-1, -1};
    int descriptor = disk->open_folder(path);
    if (descriptor < 0)
        return error_set(
            error, -descriptor, descriptor == -EACCES || descriptor == -EPERM ? EX_NOPERM : EX_CANTCREAT,
            "output %s: spool folder %s can't be opened or made: %s", output, path, strerror(-descriptor));
    folder->descriptor = descriptor;
    int result = check_folder(disk, output, path, descriptor, error);
    if (result == 0)
        result = lock_folder(disk, output, path, folder, error);
    if (result < 0)
        folder_close(folder);
    return result;
}

void folder_close(struct folder *folder) {
    if (folder->lock >= 0)
        close(folder->lock);
    if (folder->descriptor >= 0)
        close(folder->descriptor);
    *folder = (struct folder){-1, -1};
}

static int compare_numbers(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

/* Appends it; false: no memory. */
static bool add_number(uint64_t **numbers, size_t *count, uint64_t number) {
    if ((*count & (*count - 1)) == 0) { /* full: 0, 1, 2, 4, 8 ... */
        uint64_t *more = realloc(*numbers, (*count > 0 ? 2 * *count : 1) * sizeof **numbers);
        if (!more)
            return false;
        *numbers = more;
    }
    (*numbers)[(*count)++] = number;
    return true;
}

int folder_list(const struct spool_disk *disk, const struct folder *folder, const char *ending,
                uint64_t **numbers, size_t *count) {
    int descriptor = disk->open(folder->descriptor, ".", O_RDONLY | O_DIRECTORY);
    DIR *stream = descriptor < 0 ? NULL : fdopendir(descriptor);
    int result = descriptor < 0 ? descriptor : stream ? 0 : -errno;
    *numbers = NULL;
    *count = 0;
    if (!stream) {
        if (descriptor >= 0)
            close(descriptor);
        return result;
    }
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(stream));) {
        uint64_t number;
        if (segment_name_parse(entry->d_name, ending, &number) && !add_number(numbers, count, number)) {
            errno = ENOMEM;
            break;
        }
        errno = 0;
    }
    result = -errno;
    closedir(stream);
    if (result < 0) {
        free(*numbers);
        *numbers = NULL;
        *count = 0;
    } else if (*count > 0) {
        qsort(*numbers, *count, sizeof **numbers, compare_numbers);
    }
    return result;
}
