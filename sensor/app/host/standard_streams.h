/* The process's standard descriptors, as its starter left them. */
#pragma once

#include "base/error.h"

/* Before anything is opened: a standard descriptor that is closed is filled. The first file or socket that is opened would
 * get its number otherwise, and log lines or records would go there. What fills it can be neither read nor written, so
 * that whoever uses it hears of it. Ends the process with EX_OSERR if the kernel refuses. */
void standard_streams_fill(void);

/* Whether what was printed to stdout has arrived: `result` if so or if that is a failure already, else -EIO and EX_IOERR
 * with one line. A reader that has seen enough is no failure; mostly SIGPIPE has ended the process by then. */
int standard_streams_end(int result, struct error *error);
