/* A file that takes nothing for a while: what waits, what is dropped, and how it goes on. The disk has as much room as a test
 * gives it, and fails as it wants. */
#include "sink/file_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/clock.h"

enum { PLENTY = INT_MAX, LINE = 1000, PATIENCE = 5000000 };

static _Atomic long disk_room = PLENTY;
static int disk_error = ENOSPC;

/* The kernel's, but for regular files on a disk that is full. */
ssize_t write(int descriptor, const void *data, size_t size) {
    struct stat status;
    if (disk_room != PLENTY && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
        if (disk_room == 0) {
            errno = disk_error;
            return -1;
        }
        size = size < (size_t)disk_room ? size : (size_t)disk_room;
        disk_room -= (long)size;
    }
    return syscall(SYS_write, descriptor, data, size);
}

static struct sink_statistics statistics_of(void *sink) {
    struct sink_statistics statistics;
    sink_file.statistics(sink, &statistics);
    return statistics;
}

static void *open_at(const char *path, const char *format, bool waits, bool has_neighbours) {
    struct sink_options options = options_for(path, format);
    options.wait_when_full = waits;
    options.has_neighbours = has_neighbours;
    options.delivery_limit = PATIENCE;
    return open_sink(&options);
}

/* Lines of LINE bytes; the result of the last write. */
static int write_long_lines(void *sink, int count, struct error *error) {
    static char line[LINE + 1];
    memset(line, 'x', LINE - 1);
    line[LINE - 1] = '\n';
    int result = 0;
    for (int i = 0; i < count && result == 0; i++)
        result = write_text(sink, line, error);
    return result;
}

/* Serves the sink, as the delivering thread does, until all it holds is written. */
static void poll_until_out(void *sink) {
    struct error error;
    int64_t limit = clock_monotonic() + 10000000;
    while (statistics_of(sink).in_flight > 0) {
        assert_int_equal(sink_file.poll(sink, &error), 0);
        assert_true(clock_monotonic() < limit);
        usleep(10000); /* the pace of the loop that polls */
    }
}

static void live_waits_for_the_disk_and_counts(void **state) {
    (void)state;
    static const int reasons[] = {ENOSPC, EDQUOT, EIO, EROFS};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        char name[32];
        struct error error = {0};
        struct stat status;
        snprintf(name, sizeof name, "live-%zu.jsonl", i);
        const char *path = path_of(name);
        void *sink = open_at(path, "jsonl", false, false);
        disk_error = reasons[i];
        disk_room = 300000;
        assert_int_equal(sink_file.waiting_since(sink), 0);
        assert_int_equal(write_long_lines(sink, 5000, &error), 0);
        /* What is there is whole lines, and all that is acknowledged. */
        struct sink_statistics statistics = statistics_of(sink);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, statistics.acknowledged * LINE);
        assert_true(statistics.acknowledged > 0 && statistics.in_flight > 1000);
        assert_true(statistics.dropped[SINK_DROP_write_failed] > 3000);
        assert_int_equal(accounted(&statistics), 5000);
        assert_true(sink_file.waiting_since(sink) > 0);
        assert_true(sink_file.has_room(sink)); /* no meter holds back for it */
        disk_room = PLENTY;
        poll_until_out(sink);
        assert_int_equal(sink_file.waiting_since(sink), 0);
        assert_int_equal(write_long_lines(sink, 100, &error), 0);
        assert_int_equal(sink_file.flush(sink, 1000000, true, &error), 0);
        statistics = statistics_of(sink);
        assert_int_equal(accounted(&statistics), 5100);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, statistics.acknowledged * LINE);
        sink_file.close(sink);
    }
    disk_error = ENOSPC;
}

static void *give_room(void *context) {
    (void)context;
    usleep(700000); /* somebody frees space */
    disk_room = PLENTY;
    return NULL;
}

static void reading_files_waits_and_loses_nothing(void **state) {
    (void)state;
    struct error error = {0};
    struct stat status;
    pthread_t thread;
    const char *path = path_of("waits.jsonl");
    void *sink = open_at(path, "jsonl", true, false);
    disk_room = 300000;
    assert_int_equal(pthread_create(&thread, NULL, give_room, NULL), 0);
    assert_int_equal(write_long_lines(sink, 3000, &error), 0);
    assert_int_equal(sink_file.flush(sink, 1000000, true, &error), 0);
    pthread_join(thread, NULL);
    assert_int_equal(statistics_of(sink).acknowledged, 3000);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 3000 * LINE);
    sink_file.close(sink);
}

static void reading_files_waits_no_longer_than_it_may(void **state) {
    (void)state;
    struct error error = {0};
    struct sink_options options = options_for(path_of("late.jsonl"), "jsonl");
    options.wait_when_full = true;
    options.delivery_limit = 600000;
    void *sink = open_sink(&options);
    disk_room = 0;
    int64_t began = clock_monotonic();
    assert_int_equal(write_long_lines(sink, 3000, &error), -ENOSPC);
    assert_in_range(clock_monotonic() - began, 500000, 5000000);
    disk_room = PLENTY;
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_non_null(strstr(error.text, "No space left"));
    struct sink_statistics statistics = statistics_of(sink);
    assert_int_equal(statistics.in_flight, 0);
    assert_int_equal(statistics.dropped[SINK_DROP_write_failed] * LINE, statistics.bytes);
    /* It had its time. */
    assert_int_equal(sink_file.flush(sink, 1000000, true, &error), 0);
    sink_file.close(sink);
}

/* A disk that is full when a sensor starts again, as after a crash. */
static void a_start_on_a_full_disk(void **state) {
    (void)state;
    static const struct {
        bool waits, has_neighbours, opens;
    } cases[] = {{false, false, true}, {false, true, true}, {true, true, true}, {true, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32], text[4096];
        struct error error = {0};
        void *sink = NULL;
        snprintf(name, sizeof name, "start-%zu.avro", i);
        struct sink_options options = options_for(path_of(name), "avro");
        options.wait_when_full = cases[i].waits;
        options.has_neighbours = cases[i].has_neighbours;
        options.delivery_limit = PATIENCE;
        disk_room = 20; /* of the header */
        int result = sink_file.open(&options, &sink, &error);
        assert_int_equal(result == 0, cases[i].opens);
        disk_room = PLENTY;
        if (result < 0) {
            assert_int_equal(error.exit_code, EX_IOERR);
            continue;
        }
        assert_int_equal(write_text(sink, "record", &error), 0);
        finish(sink);
        size_t length = read_whole(path_of(name), text, sizeof text);
        assert_memory_equal(text, "Obj\1", 4);
        assert_memory_equal(text + length - 16 - 8, "\2\14record", 8);
    }
}

/* Removes the folder of the file, and with it the file. */
static void remove_with_folder(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "%s/flows.1.avro", name);
    if (unlink(path_of(path)) < 0) {
        snprintf(path, sizeof path, "%s/flows.avro", name);
        assert_int_equal(unlink(path_of(path)), 0);
    }
    assert_int_equal(rmdir(path_of(name)), 0);
}

/* The block that went into the file without a name is written again, and fits to the new file's header. */
static void a_folder_that_is_removed(void **state) {
    (void)state;
    static const char *const names[] = {"named", "rotated"};
    for (size_t i = 0; i < 2; i++) {
        char path[64], base[256], text[4096];
        struct error error = {0};
        assert_int_equal(mkdir(path_of(names[i]), 0700), 0);
        snprintf(base, sizeof base, "%s/%s/flows.avro", folder, names[i]);
        struct sink_options options = options_for(base, "avro");
        options.rotate_flows = i == 1 ? 1000 : 0;
        void *sink = open_sink(&options);
        remove_with_folder(names[i]);
        assert_int_equal(write_text(sink, "kept", &error), 0);
        usleep(250000); /* the age at which a block is written */
        assert_int_equal(sink_file.poll(sink, &error), 0);
        assert_true(sink_file.waiting_since(sink) > 0);
        assert_int_equal(statistics_of(sink).in_flight, 1);
        assert_int_equal(mkdir(path_of(names[i]), 0700), 0);
        poll_until_out(sink);
        assert_int_equal(statistics_of(sink).acknowledged, 1);
        finish(sink);
        snprintf(path, sizeof path, i == 1 ? "%s/flows.2.avro" : "%s/flows.avro", names[i]);
        size_t length = read_whole(path_of(path), text, sizeof text);
        assert_memory_equal(text, "Obj\1", 4);
        /* A block ends with the marker that the header ends with. */
        assert_memory_equal(text + length - 16, text + length - 16 - 6 - 16, 16);
        assert_memory_equal(text + length - 16 - 6, "\2\10kept", 6);
    }
}

static void a_next_file_waits_for_the_disk(void **state) {
    (void)state;
    struct error error = {0};
    struct sink_options options = options_for(path_of("next.csv"), "csv");
    options.rotate_flows = 2;
    options.rotate_files = 3;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 2);
    assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
    disk_room = 0;
    write_lines(sink, 2, 3);
    assert_content(path_of("next.1.csv"), "a,b\n0,x\n1,x\n");
    assert_content(path_of("next.2.csv"), "");
    usleep(600000); /* another try */
    assert_int_equal(sink_file.poll(sink, &error), 0);
    assert_true(sink_file.waiting_since(sink) > 0);
    disk_room = PLENTY;
    poll_until_out(sink);
    write_lines(sink, 5, 1);
    finish(sink);
    /* What came while the disk was full is in the file that was begun then. */
    assert_content(path_of("next.2.csv"), "a,b\n2,x\n3,x\n4,x\n");
    assert_content(path_of("next.3.csv"), "a,b\n5,x\n");
}

/* One that is as large as it may get won't take more by waiting. */
static void a_limit_does_not_pass(void **state) {
    (void)state;
    struct error error = {0};
    void *sink = open_at(path_of("limit.jsonl"), "jsonl", false, false);
    disk_error = EFBIG;
    disk_room = 300000;
    assert_int_equal(write_long_lines(sink, 3000, &error), -EFBIG);
    disk_error = ENOSPC;
    disk_room = PLENTY;
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_int_equal(statistics_of(sink).in_flight, 0);
    sink_file.close(sink);
}

/* Live, nobody waits for a FIFO's reader at the start. */
static void a_fifo_is_read_later(void **state) {
    (void)state;
    char text[64];
    struct error error = {0};
    const char *path = path_of("fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    void *sink = open_at(path, "csv", false, true);
    write_lines(sink, 0, 2);
    usleep(250000); /* the age at which a block is written */
    assert_int_equal(sink_file.poll(sink, &error), 0);
    assert_int_equal(statistics_of(sink).in_flight, 2);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    poll_until_out(sink);
    finish(sink);
    ssize_t length = read(reader, text, sizeof text - 1);
    assert_int_equal(length, 12);
    assert_memory_equal(text, "a,b\n0,x\n1,x\n", 12);
    close(reader);
    assert_int_equal(unlink(path), 0);
}

static void a_fifo_that_nobody_reads_ends_in_time(void **state) {
    (void)state;
    struct error error = {0};
    const char *path = path_of("fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    void *sink = open_at(path, "jsonl", false, true);
    assert_int_equal(write_long_lines(sink, 3000, &error), 0);
    assert_true(statistics_of(sink).dropped[SINK_DROP_queue_full] > 1000);
    assert_int_equal(sink_file.flush(sink, 100000, false, &error), -ETIMEDOUT);
    assert_non_null(strstr(error.text, "takes nothing"));
    struct sink_statistics statistics = statistics_of(sink);
    assert_int_equal(accounted(&statistics), 3000);
    sink_file.close(sink);
    /* Where there is nothing to tell, nothing is late. */
    sink = open_at(path, "csv", false, true);
    assert_int_equal(sink_file.flush(sink, 100000, false, &error), 0);
    sink_file.close(sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_waits_for_the_disk_and_counts),
        cmocka_unit_test(reading_files_waits_and_loses_nothing),
        cmocka_unit_test(reading_files_waits_no_longer_than_it_may),
        cmocka_unit_test(a_start_on_a_full_disk),
        cmocka_unit_test(a_folder_that_is_removed),
        cmocka_unit_test(a_next_file_waits_for_the_disk),
        cmocka_unit_test(a_limit_does_not_pass),
        cmocka_unit_test(a_fifo_is_read_later),
        cmocka_unit_test(a_fifo_that_nobody_reads_ends_in_time),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
