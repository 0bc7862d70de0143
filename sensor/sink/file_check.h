/* The check of file outputs; see struct sink_type. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "sink/sink.h"

/* Whether a file can be opened there to be written, or made. -errno. */
int file_check_place(const char *path, bool makes);

/* EX_CANTCREAT, EX_NOPERM. */
int file_check(const struct sink_options *options, struct error *error);
