/* Watches the times of captures that are read one after another. One that begins before the one before it has ended is
 * another recording. One of which more than 1 % of the packets' times had to be raised is named in a warning. Belongs to
 * the intake's thread (`read`). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"

struct recordings {
    bool natively;   /* recordings are told apart; NFStream reads all as one stream */
    bool begun;      /* a frame with a time was seen */
    bool is_pending; /* ... but none yet of the file */
    uint32_t file;   /* that is read, as in struct frame */
    uint32_t before; /* the file of the last time, for a message */
    int64_t end;     /* highest time of the recording, microseconds */
    /* Before the file: */
    uint64_t packets, raised;
};

/* To be called with each frame of a file before it is decoded. True: another recording begins with it, after one line
 * that says so. `packets` and `raised` so far are for a warning at the end of a file. */
bool recordings_take(struct recordings *recordings, const struct capture *capture, const struct frame *frame,
                     uint64_t packets, uint64_t raised);

/* The last file has ended. */
void recordings_end(struct recordings *recordings, const struct capture *capture, uint64_t packets,
                    uint64_t raised);
