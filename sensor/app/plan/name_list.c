#include "app/plan/name_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

static int refuse_unknown(const struct name_table *table, const char *list, const char *given,
                          struct error *error) {
    char all[256] = "";
    size_t length = 0;
    for (size_t i = 0; i < table->count && length < sizeof all; i++)
        length +=
            (size_t)snprintf(all + length, sizeof all - length, "%s%s", i > 0 ? ", " : "", table->names[i]);
    const char *nearest = nearest_name(given, table->names, table->count, sizeof *table->names);
    return error_set(error, EINVAL, EX_CONFIG, "%s: there is no %s \"%s\"%s%s%s; %ss are %s%s", list,
                     table->item, given, nearest ? " (did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?)" : "", table->item, all, table->besides);
}

int name_list_add(const struct name_table *table, const char *list, const char *given, unsigned *seen,
                  unsigned *place, struct error *error) {
    unsigned found = 0;
    while (found < table->count && strcmp(table->names[found], given) != 0)
        found++;
    if (found == table->count)
        return refuse_unknown(table, list, given, error);
    if (*seen & 1u << found)
        return error_set(error, EINVAL, EX_CONFIG, "%s: \"%s\" is given twice; %s, so name it once", list,
                         given, table->once);
    *seen |= 1u << found;
    *place = found;
    return 0;
}
