/* Writing to a pipe, a socket or a terminal. Its reader may take nothing for hours. No write may block on that, since the
 * same thread serves other outputs, and a signal must be able to end the wait. Any thread, one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether somebody reads what is written there. */
bool pipe_has_reader(int descriptor);

/* Opens a second descriptor for standard output. For a pipe or a terminal it is non-blocking, where the system allows
 * that. -errno. */
int pipe_open_standard_output(void);

/* Writes what the reader takes now: how many bytes, -EAGAIN if it takes none, or another -errno. Works for blocking
 * descriptors too: other processes that share the descriptor decide whether it blocks. */
ssize_t pipe_write(int descriptor, const void *bytes, size_t length);

/* Waits until the reader takes more, a signal comes, or so many milliseconds have passed. */
void pipe_wait(int descriptor, int milliseconds);
