/* What the ending of a file's name says about its content: "flows.csv.gz". Letter case doesn't matter. */
#pragma once

#include <stddef.h>

enum { FILE_ENDING_SIZE = 16 };

struct file_ending {
    const char *format;             /* "avro", "csv", "jsonl"; NULL: it says none */
    const char *compression;        /* "gzip", "zstd"; NULL: none */
    char foreign[FILE_ENDING_SIZE]; /* ".parquet": an ending that we don't know; "" if there is none */
    size_t stem;                    /* bytes of the path before its endings: a file's number goes there */
};

/* An ending begins with a letter and has at most 8 letters and digits: ".2026-11-28" and a temporary name's
 * ".tmpXa93kQw1" are parts of the name. A name may begin with a point. */
void file_ending_of(const char *path, struct file_ending *ending);
