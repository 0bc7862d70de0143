/* Opens files that options name. */
#pragma once

#include <stdio.h>

/* As fopen(path, "re"), but a FIFO that nobody writes into is empty: fopen() would wait for a writer, and keep SIGHUP and the end
 * of a run waiting. NULL with errno. The caller's to close.
 * @thread any */
FILE *read_file_open(const char *path);
