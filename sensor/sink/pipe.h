/* Writing to what has a reader: a pipe, a socket, a terminal. The reader may take nothing for hours, and no write of
 * ours may wait for it unseen: the same thread serves other outputs, and a signal must end it. Any thread, one at a
 * time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether somebody reads what is written there. */
bool pipe_has_reader(int descriptor);

/* Opens a second descriptor for standard output; a pipe's and a terminal's doesn't block, where it can be had.
 * -errno. */
int pipe_open_standard_output(void);

/* Writes what the reader takes now: how many bytes, -EAGAIN if it takes none, or another -errno.
 * Works whether or not the descriptor blocks, which others that share it decide. */
ssize_t pipe_write(int descriptor, const void *bytes, size_t length);

/* Until the reader takes more, a signal comes, or some milliseconds have passed. */
void pipe_wait(int descriptor, int milliseconds);
