/* The schemas of this release, as the build put them into the binary. */
#pragma once

#include <stddef.h>

struct embedded_schema {
    const char *name; /* "flow/v1" */
    const char *text; /* NUL-terminated */
    size_t length;
};

extern const struct embedded_schema embedded_schemas[];
extern const size_t embedded_schema_count;
