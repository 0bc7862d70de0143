/* Which files an output writes: their names, and that nothing of an earlier run is lost by opening them. Descriptors
 * are the caller's, opened for writing; -errno in their place says why there is none. */
#pragma once

#include <stdint.h>

/* "flows.csv.gz" rotates through "flows.1.csv.gz", "flows.2.csv.gz", ...: the number goes before the endings. Freed by
 * the caller; NULL: no memory. */
char *file_names_numbered(const char *path, unsigned number);

/* An unrotated output's file. A regular one with more than `empty_size` bytes has records of an earlier run: it gets
 * the next free number, which is logged. A FIFO is waited for until somebody reads it; -EINTR if `deadline` (may be
 * NULL) tells a moment before that, see struct sink_options. */
int file_names_open(const char *output, const char *path, uint64_t empty_size, int64_t (*deadline)(void));

/* The next file of a rotated output, behind number *number, which it counts up: the first free one. *path is freed, and
 * is the new file's. */
int file_names_open_next(const char *base, unsigned *number, char **path);

/* The same in a ring of `files` files, where it replaces the oldest; whoever still reads that one keeps it to its
 * end. */
int file_names_open_next_of_ring(const char *base, unsigned files, unsigned *number, char **path);

/* The number of the ring's file that was written last, by an earlier run; 0: there is none. */
unsigned file_names_newest(const char *base, unsigned files);
