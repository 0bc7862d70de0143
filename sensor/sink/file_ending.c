#include "sink/file_ending.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { ENDING_LENGTH_MAX = 8 };

struct meaning {
    const char *ending, *name;
};

static const struct meaning formats[] = {
    {".avro", "avro"}, {".csv", "csv"}, {".json", "jsonl"}, {".jsonl", "jsonl"}, {".ndjson", "jsonl"}, {0},
};

static const struct meaning compressions[] = {
    {".gz", "gzip"}, {".gzip", "gzip"}, {".zst", "zstd"}, {".zstd", "zstd"}, {0},
};

static const char *ending_find(const struct meaning *meanings, const char *ending, size_t length) {
    for (; meanings->ending; meanings++)
        if (strlen(meanings->ending) == length && strncasecmp(meanings->ending, ending, length) == 0)
            return meanings->name;
    return NULL;
}

/* Where the last ending of the name begins; the name ends at `end`. Returns `end` if there is no ending. */
static const char *last_ending(const char *name, const char *end) {
    const char *at = end;
    while (at > name && isalnum((unsigned char)at[-1]))
        at--;
    bool is_ending = at > name + 1 && at[-1] == '.' && at < end && isalpha((unsigned char)*at) &&
                     end - at <= ENDING_LENGTH_MAX;
    return is_ending ? at - 1 : end;
}

void file_ending_of(const char *path, struct file_ending *ending) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *end = name + strlen(name);
    const char *at = last_ending(name, end);
    *ending = (struct file_ending){0};
    ending->compression = ending_find(compressions, at, (size_t)(end - at));
    if (ending->compression) {
        end = at;
        at = last_ending(name, end);
    }
    ending->format = ending_find(formats, at, (size_t)(end - at));
    if (!ending->format && at < end)
        snprintf(ending->foreign, sizeof ending->foreign, "%.*s", (int)(end - at), at);
    ending->stem = (size_t)(at - path);
}
