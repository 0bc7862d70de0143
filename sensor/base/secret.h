/* Texts that may be secret, and files that hold them.
 *
 * @thread any: nothing is shared */
#pragma once

#include <sys/stat.h>

#include "base/error.h"

/* Wipes a text that malloc() gave, and frees it. NULL: nothing. */
void secret_free(char *text);

/* EX_CONFIG with one line if a group or everybody may write the file: who may write a key may choose it. Its owner is
 * trusted, since who named the file named its owner. `what` begins the line: the option, or how the file was named. */
int secret_check_writers(const char *what, const char *path, const struct stat *status, struct error *error);

/* The same of a path, for files that a library opens. 0 if it can't be looked at: who opens it says why. */
int secret_check_file(const char *what, const char *path, struct error *error);
