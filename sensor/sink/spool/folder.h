/* The folder of a log: made, checked, and locked against another process. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/spool/disk.h"

struct folder {
    int descriptor; /* -1: none */
    int lock;       /* the lock file; held while it is open */
};

/* EX_CONFIG: it is another's, others may write to it, or another process has it. Else EX_CANTCREAT or EX_NOPERM.
 * @thread main, later the spool's */
int folder_open(const struct spool_disk *disk, const char *output, const char *path, struct folder *folder,
                struct error *error);
void folder_close(struct folder *folder);

/* The numbers of all files NAME = 20 digits and `ending`, in order; malloc'd. 0 or -errno.
 * @thread main, later the spool's */
int folder_list(const struct spool_disk *disk, const struct folder *folder, const char *ending,
                uint64_t **numbers, size_t *count);
