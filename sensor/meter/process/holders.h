/* Which process holds a socket. It looks through the open files of processes, first of those that are likely to have new
 * sockets. Only the service's thread uses these. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOLDERS_RECENT = 8, HOLDERS_KNOWN = 1 << 14 };

/* What was seen of a process; only to choose where to look first. */
struct holder {
    int32_t pid;
    uint32_t namespace_number; /* 0: not known */
    int64_t open_files;        /* how many (Linux 6.2; before always 0) */
};

struct holders {
    int proc;                           /* descriptor of /proc */
    int32_t recent[HOLDERS_RECENT];     /* held the last ones that were found, the latest first; 0: none */
    struct holder known[HOLDERS_KNOWN]; /* by pid; one of the same place takes it over */
    int32_t *candidates;
    size_t capacity;
};

/* 0 or -errno. */
int holders_open(struct holders *holders);
void holders_close(struct holders *holders);

/* The process is in this network namespace. */
bool holders_is_placed(const struct holders *holders, int32_t pid);
void holders_place(struct holders *holders, int32_t pid, uint32_t namespace_number);

/* Questions of a scan. */
struct holders_visitor {
    /* Whether processes of the namespace are of interest; 0: not known which. */
    bool (*wants)(uint32_t namespace_number, void *context);
    /* A process holds the socket with this inode. Returns whether there is more to look for. */
    bool (*holds)(uint32_t inode, int32_t pid, void *context);
    void *context;
};

/* Visits the sockets of the processes that are of interest. Returns whether it was to the end. Where several processes
 * hold a socket, it may be visited more than once. */
bool holders_scan(struct holders *holders, const struct holders_visitor *visitor);

/* The process had one that was looked for: it is looked at first next time. */
void holders_remember(struct holders *holders, int32_t pid);
