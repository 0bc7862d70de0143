#include "sink/spool/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int or_errno(int result) {
    return result < 0 ? -errno : result;
}

/* The last component is made last; what is there already is fine. */
static int make_folders(const char *path) {
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return length == 0 ? -ENOENT : -ENAMETOOLONG;
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        part[i] = '\0';
        struct stat made;
        if (mkdir(part, S_IRWXU) == 0) {
            /* An umask may take even ours. The sensor's doesn't, and its sandbox lets it change no modes by path. */
            if (stat(part, &made) < 0 || ((made.st_mode & S_IRWXU) != S_IRWXU && chmod(part, S_IRWXU) < 0))
                return -errno;
        } else if (errno != EEXIST && (errno != EROFS || access(part, F_OK) < 0)) {
            return -errno;
        }
        part[i] = path[i];
    }
    return 0;
}

static int real_open_folder(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0 || errno != ENOENT)
        return or_errno(folder);
    int result = make_folders(path);
    return result < 0 ? result : or_errno(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int real_open(int folder, const char *name, int flags) {
    int file = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (file >= 0 && (flags & O_CREAT) && fchmod(file, S_IRUSR | S_IWUSR) < 0) {
        int result = -errno;
        close(file);
        return result;
    }
    return or_errno(file);
}

static int real_open_memory(const char *name) {
    return or_errno(memfd_create(name, MFD_CLOEXEC));
}

static ssize_t real_read(int file, void *bytes, size_t count, uint64_t offset) {
    ssize_t result = pread(file, bytes, count, (off_t)offset);
    return result < 0 ? -errno : result;
}

static ssize_t real_write(int file, const void *bytes, size_t count, uint64_t offset) {
    ssize_t result = pwrite(file, bytes, count, (off_t)offset);
    return result < 0 ? -errno : result;
}

static int real_cut(int file, uint64_t length) {
    return or_errno(ftruncate(file, (off_t)length));
}

static int real_sync(int file) {
    return or_errno(fdatasync(file));
}

static int real_sync_folder(int folder) {
    return or_errno(fsync(folder));
}

static int real_rename(int folder, const char *from, const char *to) {
    return or_errno(renameat(folder, from, folder, to));
}

static int real_remove(int folder, const char *name) {
    return or_errno(unlinkat(folder, name, 0));
}

static int real_status(int file, struct stat *status) {
    return or_errno(fstat(file, status));
}

const struct spool_disk spool_disk_real = {
    .open_folder = real_open_folder,
    .open = real_open,
    .open_memory = real_open_memory,
    .read = real_read,
    .write = real_write,
    .cut = real_cut,
    .sync = real_sync,
    .sync_folder = real_sync_folder,
    .rename = real_rename,
    .remove = real_remove,
    .status = real_status,
};

int disk_write(const struct spool_disk *disk, int file, const void *bytes, size_t count, uint64_t offset) {
    const char *at = bytes;
    while (count > 0) {
        ssize_t written = disk->write(file, at, count, offset);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? (int)written : -EIO;
        at += written;
        count -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

ssize_t disk_read(const struct spool_disk *disk, int file, void *bytes, size_t count, uint64_t offset) {
    size_t have = 0;
    while (have < count) {
        ssize_t more = disk->read(file, (char *)bytes + have, count - have, offset + have);
        if (more == -EINTR)
            continue;
        if (more < 0)
            return more;
        if (more == 0)
            break;
        have += (size_t)more;
    }
    return (ssize_t)have;
}
