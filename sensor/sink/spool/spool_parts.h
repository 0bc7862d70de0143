/* What the files of the spool share: the log, which the caller's calls and the spool's thread both use.
 *
 * `lock` guards all that doesn't say otherwise. The thread lets go of it around each call of the disk. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "sink/spool/disk.h"
#include "sink/spool/folder.h"
#include "sink/spool/pending.h"
#include "sink/spool/segment.h"
#include "sink/spool/segment_list.h"
#include "sink/spool/spool.h"

/* What tests set otherwise than spool_open(). Times in microseconds. */
struct spool_settings {
    const struct spool_disk *disk;
    uint64_t segment_size;
    size_t chunk_size;
    int64_t write_after;  /* since the first record that isn't written */
    int64_t commit_after; /* since the first record that isn't synced; and between two cursors */
    size_t commit_size;   /* bytes */
    int64_t retry_after;
    int64_t close_limit; /* that spool_close() waits for the disk */
    int64_t idle_after;  /* all is done: the segment that is being written is closed, so that it can go */
};

/* The jobs of the thread that can fail, each by itself. */
enum spool_job { JOB_READ, JOB_COMMIT, JOB_CURSOR, JOB_DELETE, SPOOL_JOBS };

/* Read ahead: whole records of one segment, checked. The thread's while it is EMPTY or being filled, else the caller's. */
struct chunk {
    struct buffer records;
    struct buffer header; /* of the segment, as in its file */
    uint64_t opening;     /* which of ahead's that is of; 0: none */
    struct spool_origin origin;
    bool filled;
    size_t at;           /* of the next record */
    uint64_t first, end; /* positions: of the next record, and behind the last */
};

/* The segment that is written. All but `open` the thread's. */
struct writer {
    int file;
    bool open; /* it is the newest in the list */
    bool durable_name;
    uint64_t synced_bytes;
};

/* Where the thread reads. */
struct ahead {
    uint64_t position; /* the next that it will read */
    unsigned turn;     /* changes with each seek */
    bool wanted;       /* the caller reads, and has not come to the end */
    /* The thread's: */
    int file;
    uint64_t segment;    /* that is open; 0: none */
    uint64_t opening;    /* counts them */
    uint64_t at, offset; /* the record that `offset` is of */
    unsigned failures;   /* in a row */
};

struct spool_counts {
    uint64_t found, appended, waiting, taken, skipped, dropped_oldest, damaged, refused;
    uint64_t damaged_segments, disk_errors, lost_cursors;
};

struct spool_log {
    /* Set at open. */
    struct spool_settings settings;
    const struct spool_disk *disk;
    char *output, *directory; /* directory NULL: in memory */
    uint64_t size;
    enum spool_when_full when_full;
    uint64_t run_first;   /* what this run appends begins here */
    uint64_t header_size; /* of this run's segments */
    uint64_t reserve;     /* bytes kept free for headers of segments that the buffer may need */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* the thread */
    pthread_cond_t done; /* who waits in spool_sync() or spool_close() */

    bool stopping, sleeping;
    bool failed_at_end[SPOOL_JOBS]; /* since it is stopping: the next time is the last */
    int64_t sleeping_until;
    struct spool_origin origin; /* owns its texts */
    bool new_segment;           /* the next record begins one */
    struct pending pending;
    struct segment_list segments;
    struct spool_counts counts;
    uint64_t bytes; /* of all segments, but for those that are gone */
    uint64_t held;  /* a record that is with the caller, whose segment was dropped; 0: none */

    uint64_t low;
    struct spool_lane *lanes;
    size_t lane_count, lane_capacity;
    uint64_t cursor_turn;    /* changes with each of them */
    uint64_t cursor_written; /* the turn that is on disk */
    uint64_t cursor_noted;   /* as that, or one whose positions are bounded there */
    bool note_wanted;        /* spool_has_noted() said no */
    int64_t cursor_time;     /* monotonic: when it was written last */
    uint64_t durable_low;    /* what the cursor on disk says */
    uint64_t forgotten;      /* records below went without being written (from_buffer.h) */
    bool cursor_bounded;     /* what is on disk says less: records up to there weren't synced */
    bool hurry;              /* spool_sync() waits */
    unsigned hurry_failures; /* since then, of commits and cursors */
    bool late;               /* it waited in vain */
    bool over, left;         /* the thread has ended; nobody waits for that, and it frees the log */

    struct chunk chunks[2];
    unsigned reading; /* the one that the caller reads, or will read next */
    struct ahead ahead;

    int64_t retry_at[SPOOL_JOBS]; /* 0: it doesn't fail */
    int64_t failing_since;
    char disk_error[160];
    int last_errno;
    int64_t last_append; /* monotonic clock */

    /* The thread's alone. */
    struct folder folder;
    struct writer writer;
    struct buffer cursor;
    struct buffer header;
};

enum { GROWTH_SAMPLES = 13 }; /* of a minute: one each 5 seconds */

/* How the number of bytes changed of late. The caller's. */
struct growth {
    struct {
        int64_t time; /* monotonic clock; 0: none */
        uint64_t bytes;
    } samples[GROWTH_SAMPLES];
    size_t next;
    int64_t last_loss; /* when a record was dropped or refused; 0: never */
};

enum { SPOOL_MAGIC = 0x5d0c91b7 };

/* What the caller holds. But for the log it is his thread's alone. */
struct spool {
    uint32_t magic;
    struct spool_log *log;
    uint64_t next;       /* the position that spool_read() gives next, or the first one there is behind it */
    uint64_t read;       /* the record that was given last, while it is neither taken nor skipped; 0: none */
    struct chunk *chunk; /* that is read; NULL: none */
    struct growth growth;
};

void growth_sample(struct growth *growth, int64_t now, uint64_t bytes);
double growth_until_full(const struct growth *growth, int64_t now, uint64_t bytes, uint64_t size);

/* Bytes of the segments and of what is to be written to them. Holding the lock. */
uint64_t log_bytes(const struct spool_log *log);

/* As spool_open(), on that disk and with those times. */
int spool_open_with(const struct spool_options *options, const struct spool_settings *settings,
                    struct spool **spool, struct error *error);

/* The log with all that it owns. NULL is fine. */
void log_free(struct spool_log *log);

/* Wakes the thread if it would sleep beyond that moment (monotonic clock). Holding the lock. */
void log_wake(struct spool_log *log, int64_t when);

/* The position of the oldest record that is there and not done; `end` if there is none. Holding the lock. */
uint64_t log_first(const struct spool_log *log);

/* The thread no longer reads that segment: its end has changed, or it goes. Holding the lock.
 * @thread the spool's */
void log_close_ahead(struct spool_log *log, uint64_t segment);
