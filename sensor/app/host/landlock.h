/* Landlock: which files this process may write. It may read what its user may, and execute nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* From here on this thread, and all that are started after it, write only below the folders of `places`: each a file that
 * is written, or with a slash at its end a folder. A folder may be deleted and made again: its parent is what may be written,
 * unless that is the root. The version of the kernel's interface (1 or more), or -errno: all may be written as before.
 *
 * It also keeps the process from looking into others (ptrace(2), links below /proc).
 * @thread main, before others are started */
int landlock_restrict_writing(const char *const *places, size_t count);

/* Whether a file or folder lies where landlock_restrict_writing() lets these places be written.
 * @thread any */
bool landlock_covers(const char *const *places, size_t count, const char *place);
