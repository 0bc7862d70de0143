/* A folder of a test's own. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_TEMPLATE "/tmp/flowsensor-test-XXXXXX"

enum { SCRATCH_SIZE = sizeof SCRATCH_TEMPLATE };

/* Makes an empty folder; its path is in `folder`, which is given back; NULL: that can't be. */
static inline char *scratch_make(char folder[SCRATCH_SIZE]) {
    memcpy(folder, SCRATCH_TEMPLATE, SCRATCH_SIZE);
    return mkdtemp(folder);
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int kind,
                                     struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path);
}

/* Removes the folder with all that is in it; 0 or -1. */
static inline int scratch_remove(const char *folder) {
    return nftw(folder, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
