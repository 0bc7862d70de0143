/* A spool in a folder of the test's own, with small segments and short times. Include it once. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "logged.h"
#include "scratch.h"
#include "sink/spool/spool_parts.h"
#include "wait.h"

static char folder[SCRATCH_SIZE];

static const struct spool_origin fixture_origin = {
    .message = {"sensor-1", "boot-1", "flows", "0123456789abcdef", false},
    .schema_name = "flow/v2",
    .schema_sha256 = "ab12",
    .schema_text = "{\"type\": \"record\", \"name\": \"r\", \"fields\": []}",
    .framing = "confluent",
    .schema_id = 7,
};

static inline struct spool_options fixture_options(void) {
    return (struct spool_options){
        .output = "flows",
        .directory = folder,
        .size = 64 << 10,
        .buffer_size = 16 << 10,
        .when_full = SPOOL_DROP_NEWEST,
        .origin = fixture_origin,
    };
}

static inline struct spool_settings fixture_settings(void) {
    return (struct spool_settings){
        .disk = &spool_disk_real,
        .segment_size = 4096,
        .chunk_size = 1024,
        .write_after = 1000,
        .commit_after = 5000,
        .commit_size = 2048,
        .retry_after = 5000,
        .close_limit = 20000000,
        .idle_after = 5000000,
    };
}

static inline void fixture_begin(void) {
    assert_non_null(scratch_make(folder));
}

static inline void fixture_end(void) {
    assert_int_equal(scratch_remove(folder), 0);
}

static inline struct spool *fixture_open_with(const struct spool_options *options,
                                              const struct spool_settings *settings) {
    struct spool *spool = NULL;
    struct error error = {0};
    int result = spool_open_with(options, settings, &spool, &error);
    if (result < 0)
        fail_msg("%s", error.text);
    return spool;
}

static inline struct spool *fixture_open(void) {
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    return fixture_open_with(&options, &settings);
}

enum { BODY_MAX = 400 };

/* What the record of that seq has as its body: no two are alike. */
static size_t fixture_body(uint64_t seq, uint8_t body[BODY_MAX]) {
    uint64_t random = seq * UINT64_C(0x9e3779b97f4a7c15) + 1;
    size_t length = 20 + random % (BODY_MAX - 20);
    for (size_t i = 0; i < length; i++)
        body[i] = (uint8_t)((random ^= random << 13, random ^= random >> 7, random ^= random << 17) >> 8);
    memcpy(body, &seq, sizeof seq);
    return length;
}

static inline int32_t fixture_lane(uint64_t seq) {
    return (int32_t)(seq % 5) - 1;
}

static inline enum spool_answer append(struct spool *spool, uint64_t seq, bool taken, uint64_t *position) {
    uint8_t body[BODY_MAX];
    char key[24];
    struct message message = {
        .body = body,
        .body_length = fixture_body(seq, body),
        .key = key,
        .key_length = (size_t)snprintf(key, sizeof key, "key-%llu", (unsigned long long)seq),
        .seq = seq,
        .record_kind = seq % 3 ? "final" : "update",
        .anon_key_id = "0123456789abcdef",
    };
    if (seq % 2)
        message.anon_key_id[0] = '\0';
    return spool_append(spool, fixture_lane(seq), &message, taken, position);
}

/* As append(), however long the buffer has no room for it. */
static inline uint64_t append_surely(struct spool *spool, uint64_t seq, bool taken) {
    uint64_t position = 0;
    wait_until(append(spool, seq, taken, &position) == SPOOL_OK, 20, "the buffer has room");
    return position;
}

static inline void assert_record(const struct spool_record *record) {
    uint8_t body[BODY_MAX];
    char key[24];
    const struct message *message = &record->message;
    uint64_t seq = message->seq;
    size_t length = fixture_body(seq, body);
    size_t key_length = (size_t)snprintf(key, sizeof key, "key-%llu", (unsigned long long)seq);
    assert_int_equal(message->body_length, length);
    assert_memory_equal(message->body, body, length);
    assert_int_equal(message->key_length, key_length);
    assert_memory_equal(message->key, key, key_length);
    assert_string_equal(message->record_kind, seq % 3 ? "final" : "update");
    assert_string_equal(message->anon_key_id, seq % 2 ? "" : "0123456789abcdef");
    assert_int_equal(record->lane, fixture_lane(seq));
    assert_ptr_equal(message->origin, &record->origin->message);
    assert_string_equal(record->origin->schema_name, "flow/v2");
}

/* The next record; false at the end. */
static inline bool read_next(struct spool *spool, struct spool_record *record) {
    int64_t end = clock_monotonic() + 30000000;
    while (!spool_read(spool, record)) {
        if (spool_is_at_end(spool))
            return false;
        if (clock_monotonic() > end)
            fail_msg("nothing is read, and the end is not reached");
        usleep(50);
    }
    assert_record(record);
    return true;
}

static inline struct spool_statistics statistics_of(const struct spool *spool) {
    struct spool_statistics statistics;
    spool_statistics(spool, &statistics);
    return statistics;
}

/* How far a log may be over its size: what was dropped and not yet deleted when the process was killed is there again. */
static uint64_t fixture_slack;

/* Looks whether all records are accounted for. */
static inline void assert_closed_account(const struct spool *spool) {
    struct spool_statistics s = statistics_of(spool);
    uint64_t in = s.found + s.appended, out = s.waiting + s.taken + s.skipped + s.dropped_oldest + s.damaged;
    if (in != out)
        fail_msg(
            "found %llu + appended %llu; waiting %llu, taken %llu, skipped %llu, dropped %llu, damaged %llu",
            (unsigned long long)s.found, (unsigned long long)s.appended, (unsigned long long)s.waiting,
            (unsigned long long)s.taken, (unsigned long long)s.skipped, (unsigned long long)s.dropped_oldest,
            (unsigned long long)s.damaged);
    if (s.bytes > s.size + fixture_slack)
        fail_msg("%llu bytes, at most %llu", (unsigned long long)s.bytes, (unsigned long long)s.size);
}
