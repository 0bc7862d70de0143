#include "meter/process/holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 64, FIRST_CAPACITY = 1024 };

static const char socket_prefix[] = "socket:[";

int holders_open(struct holders *holders) {
    holders->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return holders->proc < 0 ? -errno : 0;
}

void holders_close(struct holders *holders) {
    if (holders->proc >= 0)
        close(holders->proc);
    holders->proc = -1;
    free(holders->candidates);
    holders->candidates = NULL;
}

static struct holder *holder_known(struct holders *holders, int32_t pid) {
    struct holder *holder = &holders->known[(uint32_t)pid % HOLDERS_KNOWN];
    if (holder->pid != pid)
        *holder = (struct holder){.pid = pid};
    return holder;
}

bool holders_is_placed(const struct holders *holders, int32_t pid) {
    const struct holder *holder = &holders->known[(uint32_t)pid % HOLDERS_KNOWN];
    return holder->pid == pid && holder->namespace_number != 0;
}

void holders_place(struct holders *holders, int32_t pid, uint32_t namespace_number) {
    holder_known(holders, pid)->namespace_number = namespace_number;
}

/* The inode of the socket that an entry of /proc/PID/fd leads to; 0: it is no socket. */
static uint32_t inode_of(int folder, const char *name) {
    char target[PATH_SIZE];
    ssize_t length = readlinkat(folder, name, target, sizeof(target) - 1);
    if (length < (ssize_t)sizeof(socket_prefix) ||
        memcmp(target, socket_prefix, sizeof(socket_prefix) - 1) != 0)
        return 0;
    target[length] = '\0';
    return (uint32_t)strtoul(target + sizeof(socket_prefix) - 1, NULL, 10);
}

static DIR *open_folder(int at, const char *path) {
    int folder = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = folder >= 0 ? fdopendir(folder) : NULL;
    if (directory == NULL && folder >= 0)
        close(folder);
    return directory;
}

static bool scan_process(const struct holders *holders, int32_t pid, const struct holders_visitor *visitor) {
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%d/fd", (int)pid);
    DIR *directory = open_folder(holders->proc, path);
    if (directory == NULL)
        return true;
    bool more = true;
    const struct dirent *entry;
    while (more && (entry = readdir(directory)) != NULL) {
        uint32_t inode = entry->d_name[0] != '.' ? inode_of(dirfd(directory), entry->d_name) : 0;
        if (inode != 0)
            more = visitor->holds(inode, pid, visitor->context);
    }
    closedir(directory);
    return more;
}

static bool is_recent(const int32_t *recent, int32_t pid) {
    for (int i = 0; i < HOLDERS_RECENT; i++)
        if (recent[i] == pid)
            return true;
    return false;
}

static bool add_candidate(struct holders *holders, size_t count, int32_t pid) {
    if (count == holders->capacity) {
        size_t capacity = count > 0 ? 2 * count : FIRST_CAPACITY;
        int32_t *grown = reallocarray(holders->candidates, capacity, sizeof(*grown));
        if (grown == NULL)
            return false;
        holders->candidates = grown;
        holders->capacity = capacity;
    }
    holders->candidates[count] = pid;
    return true;
}

static size_t collect_candidates(struct holders *holders, const int32_t *recent,
                                 const struct holders_visitor *visitor) {
    DIR *directory = open_folder(holders->proc, ".");
    size_t count = 0;
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        int32_t pid = (int32_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && !is_recent(recent, pid) &&
            visitor->wants(holder_known(holders, pid)->namespace_number, visitor->context))
            count += add_candidate(holders, count, pid);
    }
    if (directory != NULL)
        closedir(directory);
    return count;
}

/* A process that opened a socket has as a rule another number of open files than before. */
static bool has_changed(struct holders *holders, int32_t pid) {
    char path[PATH_SIZE];
    struct stat identity;
    snprintf(path, sizeof(path), "%d/fd", (int)pid);
    if (fstatat(holders->proc, path, &identity, 0) < 0)
        return false;
    struct holder *holder = holder_known(holders, pid);
    bool changed = holder->open_files != identity.st_size;
    holder->open_files = identity.st_size;
    return changed;
}

bool holders_scan(struct holders *holders, const struct holders_visitor *visitor) {
    int32_t recent[HOLDERS_RECENT]; /* the visitor may change the list */
    bool more = true;
    memcpy(recent, holders->recent, sizeof(recent));
    for (int i = 0; more && i < HOLDERS_RECENT && recent[i] != 0; i++)
        if (visitor->wants(holder_known(holders, recent[i])->namespace_number, visitor->context))
            more = scan_process(holders, recent[i], visitor);
    size_t count = more ? collect_candidates(holders, recent, visitor) : 0, unchanged = 0;
    for (size_t i = 0; more && i < count; i++) {
        if (has_changed(holders, holders->candidates[i]))
            more = scan_process(holders, holders->candidates[i], visitor);
        else
            holders->candidates[unchanged++] = holders->candidates[i];
    }
    for (size_t i = 0; more && i < unchanged; i++)
        more = scan_process(holders, holders->candidates[i], visitor);
    return more;
}

void holders_remember(struct holders *holders, int32_t pid) {
    int at = 0;
    while (at < HOLDERS_RECENT - 1 && holders->recent[at] != pid)
        at++;
    memmove(holders->recent + 1, holders->recent, (size_t)at * sizeof(holders->recent[0]));
    holders->recent[0] = pid;
}
