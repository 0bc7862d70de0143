/* What the files of the file sink share: file.c gathers records in blocks, file_push.c gets these into the file, and waits
 * where that is full or its reader takes nothing. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sink/compress.h"
#include "sink/container.h"
#include "sink/file_outage.h"
#include "sink/sink.h"

struct file_sink {
    uint32_t magic;
    struct sink_options options; /* texts are borrowed from the output */
    bool avro, rotates;
    bool standard_output; /* not ours: it may hold what others wrote before */
    bool begun;           /* file_open() has returned: what fails from here on may pass */
    bool ended;           /* it can't go on */
    bool told_of_reader;  /* that nobody reads the FIFO yet */
    bool has_reader;      /* who may take nothing for long, or close the pipe */
    int descriptor;       /* -1: none open yet, or none any more */
    unsigned number;      /* of the file, in names of a rotated output */
    char *path;           /* of the open file, or of the one that could not be opened */
    uint64_t file_bytes;  /* written to the open file */
    uint64_t file_records;
    struct buffer block; /* records that are not written yet */
    uint64_t block_records;
    int64_t block_began;
    struct buffer
        header; /* of the open file. Kept, so that one that was removed is begun again with the same marker */
    size_t header_sent;
    struct buffer framed; /* a block that is being written, and how much of it is */
    size_t framed_sent;
    uint64_t framed_records;
    struct container container;
    struct compressor *compressor; /* NULL: none */
    struct file_outage outage;
    struct sink_statistics statistics;
};

/* Records that are in no file yet. */
uint64_t file_in_flight(const struct file_sink *sink);

/* The process's deadline; 0: none yet. */
int64_t file_deadline(const struct file_sink *sink);

/* Opens the file if none is open, and writes what header and `framed` still have. 0 also if the reader takes no more
 * now, or the disk doesn't: both may pass, and `framed` stays. -errno: the output can't go on, and what was in flight is
 * counted; EX_OK without a line: its reader went away. */
int file_push(struct file_sink *sink, struct error *error);

/* The same until `framed` is out. It gives up at `end` (monotonic clock; 0: others wait meanwhile, so it leaves them half of
 * what is left once the process has a deadline), at that deadline, or, while there is none and the disk takes nothing, after
 * the output's limit. */
int file_push_all(struct file_sink *sink, int64_t end, struct error *error);

/* Closes the open file. Fails as file_push() does. */
int file_end(struct file_sink *sink, struct error *error);

/* The output can't go on: counts what was in flight, and returns `result`. */
int file_failed(struct file_sink *sink, int result, struct error *error);
