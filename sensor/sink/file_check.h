/* The check of file outputs; see struct sink_type. */
#pragma once

#include "base/error.h"
#include "sink/sink.h"

/* EX_CANTCREAT, EX_NOPERM. */
int file_check(const struct sink_options *options, struct error *error);
