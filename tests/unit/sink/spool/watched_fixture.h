/* The spool's fixture on the watched disk: what each test begins and ends with. Include it once. */
#pragma once

#include "sink/spool/spool_fixture.h"
#include "sink/spool/watched_disk.h"

static inline int watched_begin(void **state) {
    (void)state;
    fixture_begin();
    return 0;
}

static inline int watched_end(void **state) {
    (void)state;
    watched_reset();
    fixture_end();
    return 0;
}

/* Of a file in the test's folder; valid until the next call. */
static inline const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}
