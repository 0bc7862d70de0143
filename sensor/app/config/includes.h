/* The files that a configuration includes, looked at before libconfig reads them: it would end the process at a folder, wait for
 * whoever writes into a pipe, and take minutes over a large file that is no configuration.
 * @thread any: nothing is shared */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* `text` is the content of `file`, and ends with NUL. All that is included, also by included files, may have `size_max`
 * bytes, and has to be regular files: a line within a comment counts too, and an empty device is none. Whether a file can be
 * read at all libconfig says, with the line. EX_CONFIG, EX_OSERR. */
int config_check_includes(const char *file, const char *text, size_t size_max, struct error *error);
