/* A list in the configuration whose items are names of a table, each given once. */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct name_table {
    const char *const *names;
    size_t count;     /* at most 32 */
    const char *item; /* what a name is of, as in "step" */
    const char *once; /* why it is given once, as in "a step is taken once" */
    const char
        *besides; /* what the list of names in a message ends with: other words that the caller takes; "" */
};

/* Finds `given`: its *place in the table, whose bit is added to *seen. `list`: where it stands, for the error. EX_CONFIG: no
 * such name, which says the nearest one and all there are; or its bit was in *seen. */
int name_list_add(const struct name_table *table, const char *list, const char *given, unsigned *seen,
                  unsigned *place, struct error *error);
