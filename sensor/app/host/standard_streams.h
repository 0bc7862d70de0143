/* The process's standard descriptors, as its starter left them. The main thread alone calls these. */
#pragma once

#include "base/error.h"

/* Fills each standard descriptor that is closed; to be called before anything is opened. Otherwise the first file or
 * socket would get its number, and log lines or records would go there. What fills it can be neither read nor written, so
 * that whoever uses it gets an error. Ends the process with EX_OSERR if the kernel refuses. */
void standard_streams_fill(void);

/* Whether what was printed to stdout has arrived: `result` if so or if that is a failure already, else -EIO and EX_IOERR
 * with one line. A reader that has seen enough is no failure; mostly SIGPIPE has ended the process by then. */
int standard_streams_end(int result, struct error *error);
