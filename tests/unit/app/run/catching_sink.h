/* A sink that keeps what it gets, and does what a test wants of it; and plans whose outputs have that sink. Include it once.
 * An output's sink is found by the output's name: "0", "1", ... */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "app/config_text.h"
#include "app/plan/plan.h"
#include "base/clock.h"
#include "sink/sink.h"

enum { CATCHERS = 4 };

struct caught {
    uint8_t *body;
    size_t length;
};

struct catcher {
    /* What the test wants. */
    unsigned long fails_at; /* this write, 1 the first, and all that follow fail; 0: none */
    bool fails_to_open;
    bool poll_fails;
    bool flush_fails;
    bool goes_away; /* failing means that the reader went away */
    bool is_full;   /* has_room() says no */
    bool lies;      /* it claims to have a record more than it got */
    int64_t waiting_since;
    uint64_t spooled, spool_full; /* it claims so */
    void (*flushing)(void);       /* called by flush(); may be NULL */
    bool flush_waits;             /* flush() takes until the sink's deadline */

    /* What it saw. */
    bool open;
    unsigned opens; /* also those that failed */
    int64_t (*deadline)(const void *context);
    const void *deadline_context;
    unsigned long writes, polls, flushes;
    int64_t flush_limit;
    struct caught *records;
    size_t count;
    uint64_t bytes;
    /* Of these, what sinks before it got: its statistics begin with 0. */
    unsigned long writes_before;
    size_t count_before;
    uint64_t bytes_before;
};
static struct catcher catchers[CATCHERS];

static int catcher_fail(const struct catcher *catcher, struct error *error) {
    if (catcher->goes_away)
        return error->exit_code = EX_OK, -EPIPE;
    return error_set(error, EIO, EX_IOERR, "the test's sink fails");
}

static int catcher_open(const struct sink_options *options, void **state, struct error *error) {
    struct catcher *catcher = &catchers[atoi(options->output)];
    catcher->opens++;
    if (catcher->fails_to_open)
        return catcher_fail(catcher, error);
    catcher->open = true;
    catcher->deadline = options->deadline;
    catcher->deadline_context = options->deadline_context;
    catcher->writes_before = catcher->writes;
    catcher->count_before = catcher->count;
    catcher->bytes_before = catcher->bytes;
    *state = catcher;
    return 0;
}

static int catcher_write(void *state, const struct message *message, struct error *error) {
    struct catcher *catcher = state;
    catcher->writes++;
    if (catcher->fails_at > 0 && catcher->writes >= catcher->fails_at)
        return catcher_fail(catcher, error);
    struct caught caught = {malloc(message->body_length), message->body_length};
    catcher->records = realloc(catcher->records, (catcher->count + 1) * sizeof *catcher->records);
    assert_true(caught.body && catcher->records);
    memcpy(caught.body, message->body, message->body_length);
    catcher->records[catcher->count++] = caught;
    catcher->bytes += message->body_length;
    return 0;
}

static int catcher_poll(void *state, struct error *error) {
    struct catcher *catcher = state;
    catcher->polls++;
    return catcher->poll_fails ? catcher_fail(catcher, error) : 0;
}

static bool catcher_has_room(const void *state) {
    return !((const struct catcher *)state)->is_full;
}

static void catcher_await_deadline(const struct catcher *catcher) {
    int64_t deadline = 0;
    while (deadline == 0 || clock_monotonic() < deadline) {
        usleep(200);
        deadline = catcher->deadline(catcher->deadline_context);
    }
}

static int catcher_flush(void *state, int64_t limit, bool patient, struct error *error) {
    struct catcher *catcher = state;
    (void)patient;
    catcher->flushes++;
    catcher->flush_limit = limit;
    if (catcher->flushing)
        catcher->flushing();
    if (catcher->flush_waits)
        catcher_await_deadline(catcher);
    return catcher->flush_fails ? catcher_fail(catcher, error) : 0;
}

static void catcher_statistics(const void *state, struct sink_statistics *statistics) {
    const struct catcher *catcher = state;
    size_t count = catcher->count - catcher->count_before;
    *statistics = (struct sink_statistics){.acknowledged = count + catcher->lies,
                                           .bytes = catcher->bytes - catcher->bytes_before};
    statistics->dropped[SINK_DROP_write_failed] = catcher->writes - catcher->writes_before - count;
    statistics->dropped[SINK_DROP_spool_full] = catcher->spool_full;
    statistics->spooled = catcher->spooled;
}

static int64_t catcher_waiting_since(const void *state) {
    return ((const struct catcher *)state)->waiting_since;
}

static void catcher_close(void *state) {
    ((struct catcher *)state)->open = false;
}

static const struct sink_type catching_sink = {
    .name = "catching",
    .open = catcher_open,
    .write = catcher_write,
    .poll = catcher_poll,
    .has_room = catcher_has_room,
    .flush = catcher_flush,
    .statistics = catcher_statistics,
    .waiting_since = catcher_waiting_since,
    .close = catcher_close,
};

/* Forgets what was caught and what was wanted. */
static void catchers_reset(void) {
    for (size_t i = 0; i < CATCHERS; i++) {
        assert_false(catchers[i].open);
        for (size_t k = 0; k < catchers[i].count; k++)
            free(catchers[i].records[k].body);
        free(catchers[i].records);
        catchers[i] = (struct catcher){0};
    }
}

/* Records of which nothing depends on the run or on the number of meters. */
static const char steady_schema[] =
    "{\"type\": \"record\", \"name\": \"Steady\", \"namespace\": \"test\", \"doc\": \"The same in each run.\", \"fields\": ["
    "{\"name\": \"src_ip\", \"type\": \"string\", \"pii\": \"address\", \"doc\": \"Initiator.\"},"
    "{\"name\": \"dst_ip\", \"type\": \"string\", \"pii\": \"address\", \"doc\": \"Responder.\"},"
    "{\"name\": \"src_port\", \"type\": \"int\", \"doc\": \"Port.\"},"
    "{\"name\": \"dst_port\", \"type\": \"int\", \"doc\": \"Port.\"},"
    "{\"name\": \"protocol\", \"type\": \"int\", \"doc\": \"Transport.\"},"
    "{\"name\": \"slice\", \"type\": \"int\", \"doc\": \"Part.\"},"
    "{\"name\": \"end_reason\", \"type\": \"string\", \"doc\": \"Why.\"},"
    "{\"name\": \"bidirectional_packets\", \"type\": \"long\", \"unit\": \"packets\", \"doc\": \"Packets.\"},"
    "{\"name\": \"bidirectional_bytes\", \"type\": \"long\", \"unit\": \"bytes\", \"doc\": \"Bytes.\"}]}";

/* A plan, what it borrows, and the catching sink for its outputs. */
struct caught_plan {
    struct config config;
    struct plan plan;
    char *schema;
};

/* The whole configuration. */
static void plan_text_to_catch(struct caught_plan *caught, const char *text) {
    struct error error = {0};
    load_well(&caught->config, text);
    caught->config.sandbox = false; /* which would stay with the test's process */
    if (plan_make(&caught->config, PLAN_SCHEMAS_AS_NAMED, &caught->plan, &error) < 0)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < caught->plan.output_count; i++)
        caught->plan.outputs[i].sink = &catching_sink;
}

/* `settings`: lines of the configuration beside its `outputs` outputs of flows, each with `columns` (may be ""). */
static inline void plan_to_catch(struct caught_plan *caught, const char *settings, size_t outputs,
                                 const char *columns) {
    char text[4096];
    size_t length = (size_t)snprintf(text, sizeof text, "%s\noutputs = (", settings);
    caught->schema = text_file(steady_schema, sizeof steady_schema - 1);
    for (size_t i = 0; i < outputs; i++)
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "%s { name = \"%zu\"; sink = \"null\"; schema = \"%s\"; %s }",
                                   i == 0 ? "" : ",", i, caught->schema, columns);
    snprintf(text + length, sizeof text - length, " );");
    plan_text_to_catch(caught, text);
    unlink(caught->schema);
}

static void caught_plan_release(struct caught_plan *caught) {
    plan_release(&caught->plan);
    config_release(&caught->config);
    free(caught->schema);
    catchers_reset();
}
