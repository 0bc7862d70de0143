/* The first line of a file that holds a secret. Private to the registry client. */
#pragma once

#include "base/error.h"
#include "record/registry/registry_access.h"

/* malloc'd, for secret_free(). A pipe's writer may take as long as a request, and the options say when to give up. NULL with
 * the line of the error, which names `option` and the path: EX_CONFIG if others may write the file, EX_NOINPUT. */
char *secret_line_read(const char *option, const char *path, const struct registry_options *options,
                       struct error *error);
