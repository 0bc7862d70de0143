/* Outputs with a reader: one that is slow, that takes nothing, that goes away, or that isn't there yet. */
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "scratch.h"
#include "sink/example_message.h"
#include "sink/pipe.h"

enum { LINE = 100, MANY = 30000 }; /* 3 MB: more than a pipe holds and a live output gathers */

static char folder[SCRATCH_SIZE];
static int64_t ends_at; /* the process's deadline */

static int64_t deadline(const void *context) {
    (void)context;
    return ends_at;
}

static struct sink_options options_for(const char *path, bool waits) {
    return (struct sink_options){.output = "flows",
                                 .path = path,
                                 .format = "jsonl",
                                 .codec = "null",
                                 .wait_when_full = waits,
                                 .deadline = deadline};
}

/* Opens the sink on what `descriptor` leads to, as its standard output. */
static void *open_on(int descriptor, bool waits) {
    const struct sink_options options = options_for("-", waits);
    struct error error = {0};
    void *sink = NULL;
    int kept = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(descriptor, STDOUT_FILENO);
    int result = sink_file.open(&options, &sink, &error);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_int_equal(result, 0);
    return sink;
}

/* The result of the last write. */
static int write_lines(void *sink, int count, struct error *error) {
    static char line[LINE + 1];
    memset(line, 'x', LINE - 1);
    line[LINE - 1] = '\n';
    const struct message message = example_message(line, LINE, 0);
    int result = 0;
    for (int i = 0; i < count && result == 0; i++)
        result = sink_file.write(sink, &message, error);
    return result;
}

static struct sink_statistics statistics_of(void *sink) {
    struct sink_statistics statistics;
    sink_file.statistics(sink, &statistics);
    return statistics;
}

struct reader {
    int descriptor;
    int pause; /* milliseconds before the first byte */
    size_t bytes;
};

static void *read_to_the_end(void *context) {
    struct reader *reader = context;
    static char bytes[1 << 16];
    ssize_t length;
    usleep((useconds_t)reader->pause * 1000); /* the reader is slow */
    while ((length = read(reader->descriptor, bytes, sizeof bytes)) > 0)
        reader->bytes += (size_t)length;
    return NULL;
}

/* A pair of descriptors (reader's, writer's): a pipe or sockets, blocking or not. */
static void make_pair(int pair[2], int kind) {
    if (kind == 2) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        return;
    }
    assert_int_equal(pipe(pair), 0);
    if (kind == 1)
        fcntl(pair[1], F_SETFL, O_NONBLOCK);
}

/* Whatever the flags of the descriptor, which others decide. */
static void a_slow_reader_is_waited_for(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        int pair[2];
        struct error error = {0};
        pthread_t thread;
        make_pair(pair, kind);
        struct reader reader = {.descriptor = pair[0], .pause = 300};
        int flags = fcntl(pair[1], F_GETFL);
        void *sink = open_on(pair[1], true);
        assert_int_equal(pthread_create(&thread, NULL, read_to_the_end, &reader), 0);
        assert_int_equal(write_lines(sink, MANY, &error), 0);
        assert_int_equal(sink_file.flush(sink, 1000, true, &error), 0);
        assert_int_equal(statistics_of(sink).acknowledged, MANY);
        assert_int_equal(fcntl(pair[1], F_GETFL), flags);
        sink_file.close(sink);
        close(pair[1]);
        pthread_join(thread, NULL);
        assert_int_equal(reader.bytes, (size_t)MANY * LINE);
        close(pair[0]);
    }
}

/* Where a descriptor of one's own can't be had, too. */
static void a_write_takes_what_there_is_room_for(void **state) {
    (void)state;
    static const char bytes[100000];
    for (int kind = 0; kind < 3; kind++) {
        int pair[2];
        ssize_t written, sum = 0;
        make_pair(pair, kind);
        while ((written = pipe_write(pair[1], bytes, sizeof bytes)) > 0)
            sum += written;
        assert_int_equal(written, -EAGAIN);
        assert_true(sum >= 60000);
        pipe_wait(pair[1], 1);
        static char place[100000];
        assert_true(read(pair[0], place, sizeof place) > 0);
        assert_true(pipe_write(pair[1], bytes, sizeof bytes) > 0);
        close(pair[0]);
        assert_int_equal(pipe_write(pair[1], bytes, sizeof bytes), -EPIPE);
        close(pair[1]);
    }
}

static void live_never_waits(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        int pair[2];
        struct error error = {0};
        make_pair(pair, kind);
        void *sink = open_on(pair[1], false);
        int64_t began = clock_monotonic();
        assert_true(sink_file.has_room(sink));
        assert_int_equal(write_lines(sink, MANY, &error), 0);
        assert_false(sink_file.has_room(sink));
        assert_int_equal(sink_file.poll(sink, &error), 0);
        assert_true(clock_monotonic() - began < 20000000); /* nobody reads: a wait would have no end */
        struct sink_statistics statistics = statistics_of(sink);
        assert_true(statistics.dropped[SINK_DROP_queue_full] > 0);
        assert_true(statistics.in_flight > 0);
        assert_int_equal(accounted(&statistics), MANY);
        /* What was gathered arrives once the reader goes on. */
        pthread_t thread;
        struct reader reader = {.descriptor = pair[0]};
        assert_int_equal(pthread_create(&thread, NULL, read_to_the_end, &reader), 0);
        assert_int_equal(sink_file.flush(sink, 5000000, false, &error), 0);
        statistics = statistics_of(sink);
        assert_int_equal(statistics.in_flight, 0);
        assert_true(sink_file.has_room(sink));
        sink_file.close(sink);
        close(pair[1]);
        pthread_join(thread, NULL);
        assert_int_equal(reader.bytes, statistics.acknowledged * LINE);
        close(pair[0]);
    }
}

static void the_end_waits_no_longer_than_it_may(void **state) {
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        int pair[2];
        struct error error = {0};
        make_pair(pair, 0);
        void *sink = open_on(pair[1], waits);
        assert_int_equal(write_lines(sink, 2000, &error), 0);
        int64_t began = clock_monotonic();
        ends_at = began + 200000;
        assert_true(sink_file.flush(sink, 200000, false, &error) < 0);
        ends_at = 0;
        assert_in_range(clock_monotonic() - began, 150000, 2000000);
        assert_int_equal(error.exit_code, EX_UNAVAILABLE);
        assert_non_null(strstr(error.text, "2000 records are not written"));
        struct sink_statistics statistics = statistics_of(sink);
        assert_int_equal(statistics.dropped[SINK_DROP_undelivered], 2000);
        assert_int_equal(accounted(&statistics), 2000);
        sink_file.close(sink);
        close(pair[0]);
        close(pair[1]);
    }
}

/* A file's reading that waits in a write hears of the end too. */
static void a_write_that_waits_ends_with_the_process(void **state) {
    (void)state;
    int pair[2];
    struct error error = {0};
    make_pair(pair, 0);
    void *sink = open_on(pair[1], true);
    ends_at = clock_monotonic() + 200000;
    assert_int_equal(write_lines(sink, MANY, &error), -ETIMEDOUT);
    ends_at = 0;
    assert_int_equal(error.exit_code, EX_UNAVAILABLE);
    struct sink_statistics statistics = statistics_of(sink);
    assert_int_equal(statistics.in_flight, 0);
    assert_int_equal(accounted(&statistics) * LINE, statistics.bytes);
    sink_file.close(sink);
    close(pair[0]);
    close(pair[1]);
}

static void a_reader_that_goes_is_no_failure(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        int pair[2];
        struct error error = {.exit_code = 1};
        make_pair(pair, kind);
        void *sink = open_on(pair[1], true);
        close(pair[0]);
        assert_true(write_lines(sink, MANY, &error) < 0);
        assert_int_equal(error.exit_code, EX_OK);
        assert_string_equal(error.text, "");
        struct sink_statistics statistics = statistics_of(sink);
        assert_int_equal(statistics.acknowledged, 0);
        assert_true(statistics.dropped[SINK_DROP_write_failed] > 0);
        assert_int_equal(accounted(&statistics) * LINE, statistics.bytes);
        sink_file.close(sink);
        close(pair[1]);
    }
}

static const char *make_fifo(void) {
    static char path[256];
    snprintf(path, sizeof path, "%s/fifo", folder);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    return path;
}

static void *open_late(void *context) {
    usleep(200000); /* the reader is late */
    int descriptor = open(context, O_RDONLY | O_CLOEXEC);
    struct reader reader = {.descriptor = descriptor};
    read_to_the_end(&reader);
    close(descriptor);
    return NULL;
}

static void a_fifo_is_opened_once_it_is_read(void **state) {
    (void)state;
    const char *path = make_fifo();
    const struct sink_options options = options_for(path, true);
    struct error error = {0};
    pthread_t thread;
    void *sink;
    assert_int_equal(pthread_create(&thread, NULL, open_late, (void *)path), 0);
    assert_int_equal(sink_file.open(&options, &sink, &error), 0);
    assert_int_equal(write_lines(sink, MANY, &error), 0);
    assert_int_equal(sink_file.flush(sink, 1000, true, &error), 0);
    assert_int_equal(statistics_of(sink).acknowledged, MANY);
    sink_file.close(sink);
    pthread_join(thread, NULL);
}

static void waiting_for_a_fifo_ends_with_the_process(void **state) {
    (void)state;
    const struct sink_options options = options_for(make_fifo(), true);
    struct error error = {0};
    void *sink;
    ends_at = clock_monotonic() + 1000000;
    assert_int_equal(sink_file.open(&options, &sink, &error), -EINTR);
    ends_at = 0;
}

static int make_folder(void **state) {
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return scratch_make(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_reader_is_waited_for),
        cmocka_unit_test(a_write_takes_what_there_is_room_for),
        cmocka_unit_test(live_never_waits),
        cmocka_unit_test(the_end_waits_no_longer_than_it_may),
        cmocka_unit_test(a_write_that_waits_ends_with_the_process),
        cmocka_unit_test(a_reader_that_goes_is_no_failure),
        cmocka_unit_test(a_fifo_is_opened_once_it_is_read),
        cmocka_unit_test(waiting_for_a_fifo_ends_with_the_process),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
