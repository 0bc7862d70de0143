/* A bounded queue of records that can't be delivered now: a log of segment files, or in memory where no folder is given.
 *
 * Records are appended at the end and read in order. Each has a position: 1, 2, 3 ... over all runs that used the folder.
 * A record is `waiting` until it is taken; from then on the caller answers for it, and says with spool_release() below
 * which position everything is done. Segments whose records are all done are deleted.
 *
 * One thread of the spool does all that touches the disk: it writes and syncs in groups, reads ahead, deletes, and keeps
 * the cursor. The caller's calls copy, take a lock for a moment, and never wait for the disk, but for spool_open(),
 * spool_sync() and spool_close().
 *
 * A disk that fails (full, read-only, gone) is waited out: records stay in the buffer while it has room, then they are
 * refused; the thread tries again twice a second. After a crash the log opens always. It is cut at the first bad record of
 * the newest segment; a bad record in another one ends that segment, which is set aside as NAME.damaged and counted.
 *
 * Folder: SEGMENT files (20 digits of the first position, ".spool"), "cursor", and a lock file. Format: segment.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/message.h"

/* What to do with a record when the log has its full size. */
enum spool_when_full {
    SPOOL_DROP_OLDEST, /* the oldest segment goes; its waiting records are counted */
    SPOOL_DROP_NEWEST, /* spool_append() says SPOOL_FULL */
};

/* Of all records of a segment: what a later run needs to send them as this one would have. Texts are borrowed. */
struct spool_origin {
    struct message_origin message;
    const char *schema_name;   /* "flow/v2" */
    const char *schema_sha256; /* of the text, hex */
    const char *schema_text;
    const char *framing; /* "confluent", "single_object", "none" */
    uint32_t schema_id;  /* of the registry; 0: not known (yet), or no registry is asked */
};

struct spool_options {
    const char *output;    /* for messages; borrowed */
    const char *directory; /* made if it is not there (0700); NULL: in memory, and gone with the process */
    uint64_t size;         /* bytes of all segments and the buffer */
    uint64_t buffer_size;  /* bytes that wait for the disk at most; 0: 4 MiB */
    enum spool_when_full when_full;
    struct spool_origin origin; /* of what this run appends; copied */
};

/* Up to which position records of one lane are done: all below `position`. Lanes are Kafka's partitions. One below 0 is a note
 * of the caller's own: its position means nothing to the spool, and is kept as it is. */
struct spool_lane {
    int32_t lane;
    uint64_t position;
};

/* found + appended = waiting + taken + skipped + dropped_oldest + damaged. */
struct spool_statistics {
    uint64_t found;          /* records that earlier runs left, by the cursor */
    uint64_t appended;       /* by this run */
    uint64_t waiting;        /* neither taken nor lost */
    uint64_t taken;          /* by the caller */
    uint64_t skipped;        /* found ones that the caller says were done before */
    uint64_t dropped_oldest; /* went with a segment, before they were taken */
    uint64_t damaged;        /* could not be read back, as far as their number is known */
    uint64_t refused;        /* appends that found no room: not in the sum above */
    uint64_t bytes, size;    /* on disk and in the buffer; the limit */
    uint64_t segments;
    uint64_t damaged_segments;  /* set aside */
    uint64_t lost_cursors;      /* runs that found records and no cursor: all are read again */
    uint64_t disk_errors;       /* failed calls, by the spool's thread */
    int64_t disk_failing_since; /* monotonic clock; 0: the disk takes everything */
    char disk_error[160];       /* of the last failure: what, where, why; "" */
    int64_t
        oldest; /* when the oldest record that is not done was appended (microseconds of Unix time); 0: none */
    /* Seconds until records are lost if it fills as it did in the last minute; infinite if it doesn't fill. */
    double seconds_until_full;
};

enum spool_answer {
    SPOOL_OK,
    SPOOL_FULL,     /* drop-newest: the log is full; or the disk fails and the buffer is full */
    SPOOL_TOO_LARGE /* larger than a segment or the buffer takes */
};

/* A record as it is read. Valid until the next spool_read() or spool_seek(). */
struct spool_record {
    uint64_t position;
    int32_t lane;                      /* as it was appended */
    struct message message;            /* its origin is the segment's */
    const struct spool_origin *origin; /* of the run that appended it */
    bool own;                          /* appended by this run */
};

struct spool;

/* Opens the log, and reads what is needed of it: the cursor, the segments' headers, and the newest segment. EX_CONFIG: the
 * folder is another process's, or others may write to it, or `size` is below 4 MiB or has no room for the schema.
 * EX_CANTCREAT, EX_NOPERM: it can't be made or used. EX_OSERR: no memory, no thread. A full disk is no failure, but for
 * the first run in a folder, which makes an empty lock file.
 * @thread main */
int spool_open(const struct spool_options *options, struct spool **spool, struct error *error);

/* Commits what is in the buffer and the cursor, ends the thread, frees. A disk that fails is tried once more; what is
 * lost then is one line of the log. A disk that doesn't answer is waited for half a second, or not at all if spool_sync() has waited
 * in vain: the thread is left to the end of the process then, and frees if it comes to it. NULL is fine.
 * @thread the sink's (this and all that follow) */
void spool_close(struct spool *spool);

/* Copies a record to the end. `taken`: the caller has it already, and appends it only so that a crash doesn't lose it.
 * *position (may be NULL) is the record's. It is on disk within half a second, or when a mebibyte has gathered. */
enum spool_answer spool_append(struct spool *spool, int32_t lane, const struct message *message, bool taken,
                               uint64_t *position);

/* From now on spool_read() begins at the first record at or after `position` that is not released. At the start that is
 * the first one of all. */
void spool_seek(struct spool *spool, uint64_t position);

/* The next record, whether taken or not, into *record. False: it is not read ahead yet, or the end is reached; see
 * spool_is_at_end(). The same record is not given twice without a seek. */
bool spool_read(struct spool *spool, struct spool_record *record);
bool spool_is_at_end(const struct spool *spool);

/* The record that was read last is no longer waiting. Each at most once, by the caller's care. `skipped`: an earlier run
 * had got it through. */
void spool_take(struct spool *spool, const struct spool_record *record);
void spool_skip(struct spool *spool, const struct spool_record *record);

/* The position that the next record will get, and that of the oldest one that is there and not released (equal: none
 * is). */
uint64_t spool_end(const struct spool *spool);
uint64_t spool_first(const struct spool *spool);

/* All records below `low` are done, and of the lanes named all below theirs, which is higher. Copied; durable within a
 * second, as far as the records themselves are on disk. A later run finds it with spool_lanes(). What is below and was
 * neither taken nor skipped is counted as skipped. */
void spool_release(struct spool *spool, uint64_t low, const struct spool_lane *lanes, size_t count);

/* Whether the disk has what was released last, though with lower positions while records themselves are not on disk yet. If
 * not, it is written at once. True too for a spool in memory, and while the disk takes no cursor. */
bool spool_has_noted(struct spool *spool);

/* What the last run released. *lanes stays until the next spool_release(). */
size_t spool_lanes(const struct spool *spool, uint64_t *low, const struct spool_lane **lanes);

/* The registry has told the schema's id: later segments say so. */
void spool_set_schema_id(struct spool *spool, uint32_t id);

/* Gets everything that was appended onto the disk, and the cursor; waits for at most `limit` microseconds, and on a full disk
 * as long; another failure that comes again ends the wait. -errno: not all of it is there; -ETIMEDOUT. */
int spool_sync(struct spool *spool, int64_t limit);

/* The position up to which records are in the files, and in *waiting how many behind it wait: they go with the process. */
uint64_t spool_saved(const struct spool *spool, uint64_t *waiting);

/* @thread the sink's */
void spool_statistics(const struct spool *spool, struct spool_statistics *statistics);
