/* A file for records that a broker refuses for their content or their size, or that can't be framed, so that somebody can look
 * at them. One line of JSON each: time, output, topic, partition, seq, record_kind, reason, and key and value in base64.
 *
 * The file is appended to, and grows to a limit; beyond it, and where the disk takes no more, the caller drops the record.
 * Belongs to the output's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum { DEAD_LETTERS_MAX_BYTES = 64 << 20 };

struct dead_letter {
    const char *output, *topic, *record_kind, *reason;
    int32_t partition; /* -1: not known */
    uint64_t seq;
    const void *key, *value;
    size_t key_length, value_length;
};

struct dead_letters {
    int descriptor; /* -1: there is no file */
    uint64_t bytes;
    struct buffer line;
};

/* Opens the file, or makes it (0600). `path` NULL: there is none, and each record is refused. EX_CANTCREAT, EX_NOPERM. */
int dead_letters_open(struct dead_letters *letters, const char *output, const char *path,
                      struct error *error);
/* Whether that would go well, without making the file.
 * @thread any: nothing is shared */
int dead_letters_check(const char *output, const char *path, struct error *error);
void dead_letters_close(struct dead_letters *letters);

/* False: the record is not in the file. */
bool dead_letters_add(struct dead_letters *letters, const struct dead_letter *letter);
