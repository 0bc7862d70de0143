/* The first line of a file that holds a secret. For logins at the registry and of Kafka outputs.
 *
 * @thread any: nothing is shared */
#pragma once

#include "base/error.h"
#include "record/login/limits.h"

/* malloc'd, for secret_free(). A pipe's writer may take as long as a request, and the limits say when to give up. NULL with
 * the line of the error, which names `option` and the path: EX_CONFIG if others may write the file, EX_NOINPUT. */
char *secret_line_read(const char *option, const char *path, const struct login_limits *limits,
                       struct error *error);
