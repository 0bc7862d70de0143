/* Which files an output writes: finds their names, and opens them so that no record of an earlier run is lost. Descriptors
 * are opened for writing and are the caller's; -errno in their place if there is none. Nothing here is shared: the
 * caller's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* "flows.csv.gz" rotates through "flows.1.csv.gz", "flows.2.csv.gz", ...: the number goes before the endings. Freed by
 * the caller; NULL: no memory. */
char *file_names_numbered(const char *path, unsigned number);

/* What a file has to which no record was written: an output's header, of which the last bytes differ each time. */
struct file_names_empty {
    const uint8_t *header; /* borrowed */
    size_t length, varies;
};

/* An unrotated output's file. A regular one that has more or other bytes than `empty`, or that another sensor writes, is
 * kept: it gets the next free number, which is logged. Doesn't wait: -EAGAIN if it is a FIFO that nobody reads. */
int file_names_open(const char *output, const char *path, const struct file_names_empty *empty);

/* The next file of a rotated output: the first free number above *number, which becomes that. Frees *path and replaces it
 * by the new file's. */
int file_names_open_next(const char *base, unsigned *number, char **path);

/* The same in a ring of `files` files, where it replaces the oldest. A program that still has that one open can read it
 * to its end. */
int file_names_open_next_of_ring(const char *base, unsigned files, unsigned *number, char **path);

/* The number of the ring's file that was written last, by an earlier run; 0: there is none. */
unsigned file_names_newest(const char *base, unsigned files);
