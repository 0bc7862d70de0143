/* All that the spool asks of the disk, in a table, so that tests see each call and let it fail. Each returns 0, or what
 * it says, or -errno. The spool's thread calls them, but for those that open the folder, which spool_open() calls. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct spool_disk {
    /* Makes what is missing of the path, for nobody else; gives a descriptor. */
    int (*open_folder)(const char *path);
    /* A descriptor. What it makes has the mode 0600, whatever the umask is. No symbolic links. */
    int (*open)(int folder, const char *name, int flags);
    /* Of a file without a name, that is gone when it is closed. */
    int (*open_memory)(const char *name);
    /* Number of bytes, 0 at the end; may be fewer than asked for. */
    ssize_t (*read)(int file, void *bytes, size_t count, uint64_t offset);
    ssize_t (*write)(int file, const void *bytes, size_t count, uint64_t offset);
    int (*cut)(int file, uint64_t length);
    int (*sync)(int file); /* its bytes and length */
    int (*sync_folder)(int folder);
    int (*rename)(int folder, const char *from, const char *to);
    int (*remove)(int folder, const char *name);
    int (*status)(int file, struct stat *status);
};

extern const struct spool_disk spool_disk_real;

/* All bytes, or -errno. */
int disk_write(const struct spool_disk *disk, int file, const void *bytes, size_t count, uint64_t offset);
/* As many as there are up to `count`, or -errno. */
ssize_t disk_read(const struct spool_disk *disk, int file, void *bytes, size_t count, uint64_t offset);
