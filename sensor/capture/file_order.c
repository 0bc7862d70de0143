#include "capture/file_order.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct dated {
    const char *name;
    int64_t seconds;
    int32_t microseconds;
    size_t place; /* in the list as it was given */
};

static int compare_by_time(const void *a, const void *b) {
    const struct dated *first = a, *second = b;
    if (first->seconds != second->seconds)
        return first->seconds < second->seconds ? -1 : 1;
    if (first->microseconds != second->microseconds)
        return first->microseconds < second->microseconds ? -1 : 1;
    return first->place < second->place ? -1 : 1;
}

/* Errors of a file are reported when its turn comes. */
static void read_first_time(struct dated *dated, struct reader *reader) {
    struct error error;
    struct frame frame;
    dated->seconds = INT64_MIN;
    if (reader_open(reader, dated->name, &error) == 0 && reader_next(reader, &frame) == READ_GOOD) {
        dated->seconds = frame.seconds;
        dated->microseconds = frame.microseconds;
    }
    reader_close(reader);
}

static bool can_be_read_twice(const char *path) {
    struct stat status;
    return !reader_is_standard_input(path) &&
           (stat(path, &status) < 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

int file_order(const char **names, size_t count, struct reader *reader, struct error *error) {
    if (count < 2)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (!can_be_read_twice(names[i]))
            return error_set(
                error, EINVAL, EX_USAGE,
                "%s can't be sorted among other captures, since it can be read only once; leave out --sort",
                reader_name_of(names[i]));
    struct dated *all = calloc(count, sizeof *all);
    if (all == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory to sort %zu captures", count);
    for (size_t i = 0; i < count; i++) {
        all[i] = (struct dated){.name = names[i], .place = i};
        read_first_time(&all[i], reader);
    }
    qsort(all, count, sizeof *all, compare_by_time);
    for (size_t i = 0; i < count; i++)
        names[i] = all[i].name;
    free(all);
    return 0;
}
