/* What /proc says of a process, read once and kept while anybody refers to it. Only the service's
 * thread uses these; see process_record.h for the records. */
#pragma once

#include "meter/process/process_record.h"

enum { PROCESS_BUCKETS = 1024 };

struct processes {
    struct process *buckets[PROCESS_BUCKETS]; /* by pid */
};

/* The record of the process that has this pid now; a program that the process has begun to execute since makes a new
 * one. NULL: it is gone, or no memory. The record is the list's; who keeps it counts a reference. */
struct process *processes_find(struct processes *processes, int proc, int32_t pid);

/* Frees what nobody refers to. */
void processes_sweep(struct processes *processes);

/* Frees all; nobody may refer to any of them. */
void processes_free(struct processes *processes);

/* The container's id in a cgroup's path: the last run of exactly 64 hexadecimal digits, as Docker, containerd, CRI-O and
 * Podman name them. Empty if there is none. */
void container_id_of(const char *cgroup, char container_id[PROCESS_CONTAINER_SIZE]);
