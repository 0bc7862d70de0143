/* A process of this host, as records tell of it. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum {
    PROCESS_NAME_SIZE = 256,
    PROCESS_PATH_SIZE = 1024, /* a longer path is unknown */
    PROCESS_CONTAINER_SIZE = 65,
};

/* What is known of a local process: read once, when one of its sockets was resolved. Records are shared by all flows of
 * the process and counted; the service's thread makes and frees them, other threads read and give their count back.
 * Texts are NUL-terminated as the kernel gives them (not yet checked for UTF-8), "" where they can't be read. */
struct process {
    int32_t pid;     /* in the sensor's pid namespace */
    int64_t user_id; /* effective; -1: unknown */
    char name[PROCESS_NAME_SIZE];
    char executable[PROCESS_PATH_SIZE];
    char cgroup[PROCESS_PATH_SIZE];
    char container_id[PROCESS_CONTAINER_SIZE]; /* 64 hex digits; "" outside of containers */

    uint64_t start_time;    /* clock ticks since boot: with the pid it identifies the process */
    atomic_uint references; /* flows and sockets that point here */
    struct process *next;   /* the service's */
};
