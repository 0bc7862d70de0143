/* The file sink: when a record counts as written, compression, and files that can't be written. */
#include "sink/file_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void a_record_is_acknowledged_when_the_kernel_has_it(void **state) {
    (void)state;
    const char *path = path_of("plain.jsonl");
    struct sink_options options = options_for(path, "jsonl");
    struct sink_statistics statistics;
    struct error error;
    void *sink = open_sink(&options);
    assert_int_equal(write_text(sink, "{}\n", &error), 0);
    sink_file.statistics(sink, &statistics);
    assert_int_equal(statistics.in_flight, 1);
    assert_int_equal(statistics.acknowledged, 0);
    assert_content(path, "");
    assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
    sink_file.statistics(sink, &statistics);
    assert_int_equal(statistics.acknowledged, 1);
    assert_int_equal(accounted(&statistics), 1);
    assert_int_equal(statistics.bytes, 3);
    assert_content(path, "{}\n");
    sink_file.close(sink);
}

static void a_slow_stream_is_written_after_a_second(void **state) {
    (void)state;
    const char *path = path_of("slow.jsonl");
    struct sink_options options = options_for(path, "jsonl");
    struct error error;
    void *sink = open_sink(&options);
    assert_int_equal(write_text(sink, "{}\n", &error), 0);
    assert_int_equal(sink_file.poll(sink, &error), 0);
    assert_content(path, "");
    usleep(1050000); /* the time that the sink waits */
    assert_int_equal(sink_file.poll(sink, &error), 0);
    assert_content(path, "{}\n");
    sink_file.close(sink);
}

/* What the command prints of the file. */
static void assert_unpacked(const char *command, const char *path, const char *expected) {
    char line[300], text[1024];
    snprintf(line, sizeof line, "%s %s", command, path);
    FILE *stream = popen(line, "re"); /* NOLINT(cert-env33-c): a line of our own */
    size_t length = fread(text, 1, sizeof text - 1, stream);
    text[length] = '\0';
    assert_int_equal(pclose(stream), 0);
    assert_string_equal(text, expected);
}

static void a_compressed_file_is_whole_whenever_the_process_ends(void **state) {
    (void)state;
    static const char *const kinds[][3] = {{"gzip", "whole.csv.gz", "gzip -dc"},
                                           {"zstd", "whole.csv.zst", "zstd -dcq"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *path = path_of(kinds[i][1]);
        struct sink_options options = options_for(path, "csv");
        struct sink_statistics statistics;
        struct error error;
        options.compression = kinds[i][0];
        void *sink = open_sink(&options);
        assert_unpacked(kinds[i][2], path, "a,b\n");
        write_lines(sink, 0, 2);
        assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
        assert_unpacked(kinds[i][2], path, "a,b\n0,x\n1,x\n");
        write_lines(sink, 2, 1);
        assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
        assert_unpacked(kinds[i][2], path, "a,b\n0,x\n1,x\n2,x\n");
        sink_file.statistics(sink, &statistics);
        assert_int_equal(statistics.acknowledged, 3);
        assert_int_equal(statistics.bytes, 12);
        sink_file.close(sink);
    }
}

static void compressed_files_rotate_by_their_size_on_disk(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("packed.csv.gz"), "csv");
    options.compression = "gzip";
    options.rotate_size = 100;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 80);
    finish(sink);
    struct stat first;
    assert_int_equal(stat(path_of("packed.1.csv.gz"), &first), 0);
    assert_true(first.st_size >= 100);
    char line[600], text[1024];
    snprintf(line, sizeof line,
             "cat %s/packed.[0-9].csv.gz | gzip -dc | grep -c x; gzip -dc %s/packed.2.csv.gz | head -1",
             folder, folder);
    FILE *stream = popen(line, "re"); /* NOLINT(cert-env33-c): a line of our own */
    size_t length = fread(text, 1, sizeof text - 1, stream);
    text[length] = '\0';
    pclose(stream);
    assert_string_equal(text, "80\na,b\n");
}

static void a_full_disk_is_an_error_and_counted(void **state) {
    (void)state;
    struct sink_options options = options_for("/dev/full", "jsonl");
    struct sink_statistics statistics;
    struct error error = {0};
    void *sink = open_sink(&options);
    for (int i = 0; i < 3; i++)
        assert_int_equal(write_text(sink, "{}\n", &error), 0);
    assert_true(sink_file.flush(sink, 0, true, &error) < 0);
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_non_null(strstr(error.text, "\"flows\""));
    assert_non_null(strstr(error.text, "/dev/full"));
    assert_non_null(strstr(error.text, "No space left"));
    sink_file.statistics(sink, &statistics);
    assert_int_equal(statistics.dropped[SINK_DROP_write_failed], 3);
    assert_int_equal(accounted(&statistics), 3);
    /* What is not there any more fails no second time. */
    assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
    sink_file.close(sink);
}

/* A run that reads captures has nothing to lose yet. Others begin, and wait (file_outage_test.c). */
static void a_header_that_finds_no_room_fails_the_start(void **state) {
    (void)state;
    struct sink_options options = options_for("/dev/full", "avro");
    struct error error = {0};
    void *sink;
    options.wait_when_full = true;
    assert_true(sink_file.open(&options, &sink, &error) < 0);
    assert_int_equal(error.exit_code, EX_IOERR);
}

static void a_file_that_cannot_be_created_is_named(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("none/flows.csv"), "csv");
    struct error error = {0};
    void *sink;
    assert_true(sink_file.open(&options, &sink, &error) < 0);
    assert_int_equal(error.exit_code, EX_CANTCREAT);
    assert_non_null(strstr(error.text, "none/flows.csv: No such file"));
    options.rotate_flows = 1;
    assert_true(sink_file.open(&options, &sink, &error) < 0);
    assert_non_null(strstr(error.text, "none/flows.1.csv: No such file"));
}

static void a_next_file_that_cannot_be_created_fails_the_end(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("gone/flows.csv"), "csv");
    options.rotate_flows = 1;
    struct sink_statistics statistics;
    struct error error = {0};
    assert_int_equal(mkdir(path_of("gone"), 0700), 0);
    void *sink = open_sink(&options);
    write_lines(sink, 0, 1);
    assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
    assert_int_equal(unlink(path_of("gone/flows.1.csv")), 0);
    assert_int_equal(rmdir(path_of("gone")), 0);
    write_lines(sink, 1, 1);
    assert_true(sink_file.flush(sink, 0, true, &error) < 0);
    assert_int_equal(error.exit_code, EX_CANTCREAT);
    assert_non_null(strstr(error.text, "gone/flows.2.csv: No such file"));
    sink_file.statistics(sink, &statistics);
    assert_int_equal(statistics.acknowledged, 1);
    assert_int_equal(statistics.dropped[SINK_DROP_write_failed], 1);
    assert_int_equal(accounted(&statistics), 2);
    sink_file.close(sink);
}

/* Files of this process may not grow beyond `size`, until 0 is given. */
static void limit_files(rlim_t size) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size > 0 ? size : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

enum { LINE = 1000, LIMIT = 300000 };

/* Writes lines of LINE bytes until it fails, which the second block of 256 KiB does. */
static uint64_t write_until_it_fails(void *sink, struct error *error) {
    static char line[LINE + 1];
    memset(line, 'x', LINE - 1);
    line[LINE - 1] = '\n';
    uint64_t written = 0;
    for (int result = 0; result == 0 && written < 10000; written++)
        result = write_text(sink, line, error);
    return written;
}

static void half_a_block_is_cut_off(void **state) {
    (void)state;
    static char text[2 * LIMIT];
    const char *path = path_of("cut.jsonl");
    struct sink_options options = options_for(path, "jsonl");
    struct sink_statistics statistics;
    struct error error = {0};
    void *sink = open_sink(&options);
    limit_files(LIMIT);
    uint64_t handed_over = write_until_it_fails(sink, &error);
    limit_files(0);
    assert_int_equal(error.exit_code, EX_IOERR);
    sink_file.statistics(sink, &statistics);
    assert_true(statistics.acknowledged > 0 && statistics.dropped[SINK_DROP_write_failed] > 0);
    assert_int_equal(accounted(&statistics), handed_over);
    assert_int_equal(read_whole(path, text, sizeof text), statistics.acknowledged * LINE);
    sink_file.close(sink);
}

/* "flowsensor -w - >> file": what was in the file before is not ours to cut. */
static void standard_output_is_never_cut(void **state) {
    (void)state;
    static char text[2 * LIMIT];
    const char *path = path_of("appended.jsonl");
    struct error error = {0};
    int kept = dup(STDOUT_FILENO);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_int_equal(write(file, "before\n", 7), 7);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    struct sink_options options = options_for("-", "jsonl");
    options.rotate_flows = 1; /* nothing to rotate there */
    void *sink = open_sink(&options);
    limit_files(LIMIT);
    write_until_it_fails(sink, &error);
    limit_files(0);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(file);
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_non_null(strstr(error.text, "standard output"));
    assert_int_equal(read_whole(path, text, sizeof text), LIMIT);
    assert_memory_equal(text, "before\nxxx", 10);
    sink_file.close(sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_acknowledged_when_the_kernel_has_it),
        cmocka_unit_test(a_slow_stream_is_written_after_a_second),
        cmocka_unit_test(a_compressed_file_is_whole_whenever_the_process_ends),
        cmocka_unit_test(compressed_files_rotate_by_their_size_on_disk),
        cmocka_unit_test(a_full_disk_is_an_error_and_counted),
        cmocka_unit_test(a_header_that_finds_no_room_fails_the_start),
        cmocka_unit_test(a_file_that_cannot_be_created_is_named),
        cmocka_unit_test(a_next_file_that_cannot_be_created_fails_the_end),
        cmocka_unit_test(half_a_block_is_cut_off),
        cmocka_unit_test(standard_output_is_never_cut),
    };
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails instead */
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
