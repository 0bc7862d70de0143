#pragma once

#include <string.h>

/* How much of nDPI's version says what its labels mean. A build from git appends its number and commit. Each would make
 * another hash, so they are left out. */
static inline int label_release_length(const char *version) {
    return (int)strcspn(version, "-");
}
