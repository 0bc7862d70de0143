#include "sink/sink.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "sink/example_message.h"

static const char schema_text[] = "{\"type\": \"record\", \"name\": \"r\", \"fields\": []}";
static char folder[] = "/tmp/flowsensor-file-XXXXXX";

static struct sink_options options_for(const char *path, const char *format) {
    struct sink_options options = {.output = "flows", .path = path, .format = format, .codec = "null"};
    options.schema_text = schema_text;
    if (strcmp(format, "csv") == 0)
        options.header = (struct text){"a,b\n", 4};
    return options;
}

/* A path of the test's own; in a static place for each of four calls. */
static const char *path_of(const char *name) {
    static char places[4][256];
    static unsigned next;
    char *path = places[next++ % 4];
    snprintf(path, sizeof places[0], "%s/%s", folder, name);
    return path;
}

static size_t read_whole(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return length;
}

static void assert_content(const char *path, const char *expected) {
    char text[1024];
    read_whole(path, text, sizeof text);
    assert_string_equal(text, expected);
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

static void *open_sink(const struct sink_options *options) {
    struct error error = {0};
    void *sink = NULL;
    if (sink_file.open(options, &sink, &error) < 0)
        fail_msg("%s", error.text);
    return sink;
}

static int write_text(void *sink, const char *text, struct error *error) {
    struct message message = example_message(text, strlen(text), 0);
    return sink_file.write(sink, &message, error);
}

static void write_lines(void *sink, int from, int count) {
    struct error error;
    for (int i = from; i < from + count; i++) {
        char line[16];
        snprintf(line, sizeof line, "%d,x\n", i);
        assert_int_equal(write_text(sink, line, &error), 0);
    }
}

static void finish(void *sink) {
    struct error error = {0};
    assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
    sink_file.close(sink);
}

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

static void write_file(const char *path, const char *content) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void records_of_earlier_runs_are_kept(void **state) {
    (void)state;
    const char *path = path_of("again.csv");
    struct sink_options options = options_for(path, "csv");
    for (int run = 0; run < 3; run++) {
        void *sink = open_sink(&options);
        write_lines(sink, run, 1);
        finish(sink);
    }
    finish(open_sink(&options));
    assert_content(path, "a,b\n");
    assert_content(path_of("again.1.csv"), "a,b\n0,x\n");
    assert_content(path_of("again.2.csv"), "a,b\n1,x\n");
    assert_content(path_of("again.3.csv"), "a,b\n2,x\n");
}

/* A sensor that is started again and again without a record leaves one file. */
static void a_file_without_records_is_used_again(void **state) {
    (void)state;
    const char *formats[] = {"csv", "avro", "jsonl"};
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "none.%s", formats[i]);
        struct sink_options options = options_for(path_of(name), formats[i]);
        for (int run = 0; run < 3; run++)
            finish(open_sink(&options));
        snprintf(name, sizeof name, "none.1.%s", formats[i]);
        assert_false(exists(path_of(name)));
    }
}

static void a_free_number_is_taken(void **state) {
    (void)state;
    const char *path = path_of("free.jsonl");
    struct sink_options options = options_for(path, "jsonl");
    write_file(path, "earlier\n");
    write_file(path_of("free.1.jsonl"), "one\n");
    write_file(path_of("free.3.jsonl"), "three\n");
    finish(open_sink(&options));
    assert_content(path_of("free.1.jsonl"), "one\n");
    assert_content(path_of("free.2.jsonl"), "earlier\n");
    assert_content(path_of("free.3.jsonl"), "three\n");
}

static void a_link_leads_to_the_new_file(void **state) {
    (void)state;
    const char *link = path_of("link.jsonl"), *path = path_of("linked.jsonl");
    struct sink_options options = options_for(link, "jsonl");
    write_file(path, "earlier\n");
    assert_int_equal(symlink(path, link), 0);
    void *sink = open_sink(&options);
    assert_int_equal(write_text(sink, "new\n", &(struct error){0}), 0);
    finish(sink);
    assert_content(path, "new\n");
    assert_content(path_of("linked.1.jsonl"), "earlier\n");
}

static void rotates_by_records_with_the_header_in_each_file(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("five.csv"), "csv");
    options.rotate_flows = 2;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 5);
    finish(sink);
    assert_content(path_of("five.1.csv"), "a,b\n0,x\n1,x\n");
    assert_content(path_of("five.2.csv"), "a,b\n2,x\n3,x\n");
    assert_content(path_of("five.3.csv"), "a,b\n4,x\n");
    assert_false(exists(path_of("five.4.csv")));
    assert_false(exists(path_of("five.csv")));
}

static void rotation_leaves_no_empty_file_at_the_end(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("four.csv"), "csv");
    options.rotate_flows = 2;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 4);
    finish(sink);
    assert_content(path_of("four.2.csv"), "a,b\n2,x\n3,x\n");
    assert_false(exists(path_of("four.3.csv")));
}

static void rotation_goes_on_behind_an_earlier_run(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("five.csv"), "csv");
    options.rotate_flows = 2;
    void *sink = open_sink(&options);
    write_lines(sink, 9, 1);
    finish(sink);
    assert_content(path_of("five.1.csv"), "a,b\n0,x\n1,x\n");
    assert_content(path_of("five.4.csv"), "a,b\n9,x\n");
}

static void a_ring_keeps_the_newest_files(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("ring.csv"), "csv");
    options.rotate_flows = 2;
    options.rotate_files = 3;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 9);
    finish(sink);
    assert_content(path_of("ring.1.csv"), "a,b\n6,x\n7,x\n");
    assert_content(path_of("ring.2.csv"), "a,b\n8,x\n");
    assert_content(path_of("ring.3.csv"), "a,b\n4,x\n5,x\n");
    assert_false(exists(path_of("ring.4.csv")));
}

/* Sets a file's time of change, in seconds. */
static void set_time(const char *path, time_t seconds) {
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void a_ring_goes_on_behind_the_newest_file(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("ring.csv"), "csv");
    options.rotate_flows = 2;
    options.rotate_files = 3;
    set_time(path_of("ring.1.csv"), 300);
    set_time(path_of("ring.2.csv"), 400);
    set_time(path_of("ring.3.csv"), 200);
    void *sink = open_sink(&options);
    write_lines(sink, 9, 1);
    finish(sink);
    assert_content(path_of("ring.1.csv"), "a,b\n6,x\n7,x\n");
    assert_content(path_of("ring.2.csv"), "a,b\n8,x\n");
    assert_content(path_of("ring.3.csv"), "a,b\n9,x\n");
}

/* Who took a file away for good meets no older one under its name before its turn. */
static void a_ring_with_gaps_goes_on_behind_the_newest_file(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("gaps.csv"), "csv");
    options.rotate_flows = 1;
    options.rotate_files = 3;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 2);
    finish(sink);
    assert_int_equal(unlink(path_of("gaps.1.csv")), 0);
    sink = open_sink(&options);
    write_lines(sink, 2, 1);
    finish(sink);
    assert_content(path_of("gaps.2.csv"), "a,b\n1,x\n");
    assert_content(path_of("gaps.3.csv"), "a,b\n2,x\n");
    assert_false(exists(path_of("gaps.1.csv")));
}

static void a_replaced_file_stays_with_its_reader(void **state) {
    (void)state;
    char text[64];
    struct sink_options options = options_for(path_of("one.csv"), "csv");
    options.rotate_flows = 1;
    options.rotate_files = 1;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 1);
    struct error error;
    assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
    FILE *reader = fopen(path_of("one.1.csv"), "re");
    assert_non_null(reader);
    write_lines(sink, 1, 1);
    finish(sink);
    assert_content(path_of("one.1.csv"), "a,b\n1,x\n");
    text[fread(text, 1, sizeof text - 1, reader)] = '\0';
    fclose(reader);
    assert_string_equal(text, "a,b\n0,x\n");
}

static void rotates_by_size(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("size.csv"), "csv");
    options.rotate_size = 10;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 5);
    finish(sink);
    assert_content(path_of("size.1.csv"), "a,b\n0,x\n1,x\n");
    assert_content(path_of("size.2.csv"), "a,b\n2,x\n3,x\n");
    assert_content(path_of("size.3.csv"), "a,b\n4,x\n");
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

static void a_file_smaller_than_its_header_still_takes_a_record(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("tiny.csv"), "csv");
    options.rotate_size = 1;
    void *sink = open_sink(&options);
    write_lines(sink, 0, 2);
    finish(sink);
    assert_content(path_of("tiny.1.csv"), "a,b\n0,x\n");
    assert_content(path_of("tiny.2.csv"), "a,b\n1,x\n");
    assert_false(exists(path_of("tiny.3.csv")));
}

static void the_number_goes_before_the_extension_of_the_name(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"with.dot/flows", "with.dot/flows.1"}, {".hidden", ".hidden.1"}, {"two.csv.gz", "two.1.csv.gz"}};
    assert_int_equal(mkdir(path_of("with.dot"), 0700), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sink_options options = options_for(path_of(names[i][0]), "csv");
        options.rotate_flows = 1;
        finish(open_sink(&options));
        assert_true(exists(path_of(names[i][1])));
    }
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

static void a_header_that_finds_no_room_fails_the_start(void **state) {
    (void)state;
    struct sink_options options = options_for("/dev/full", "avro");
    struct error error = {0};
    void *sink;
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

static void a_next_file_that_cannot_be_created_drops_the_record(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("gone/flows.csv"), "csv");
    options.rotate_flows = 1;
    struct sink_statistics statistics;
    struct error error = {0};
    assert_int_equal(mkdir(path_of("gone"), 0700), 0);
    void *sink = open_sink(&options);
    write_lines(sink, 0, 1);
    assert_int_equal(unlink(path_of("gone/flows.1.csv")), 0);
    assert_int_equal(rmdir(path_of("gone")), 0);
    assert_true(write_text(sink, "1,x\n", &error) < 0);
    assert_int_equal(error.exit_code, EX_CANTCREAT);
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

static int make_folder(void **state) {
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_acknowledged_when_the_kernel_has_it),
        cmocka_unit_test(a_slow_stream_is_written_after_a_second),
        cmocka_unit_test(records_of_earlier_runs_are_kept),
        cmocka_unit_test(a_file_without_records_is_used_again),
        cmocka_unit_test(a_free_number_is_taken),
        cmocka_unit_test(a_link_leads_to_the_new_file),
        cmocka_unit_test(rotates_by_records_with_the_header_in_each_file),
        cmocka_unit_test(rotation_leaves_no_empty_file_at_the_end),
        cmocka_unit_test(rotation_goes_on_behind_an_earlier_run),
        cmocka_unit_test(a_ring_keeps_the_newest_files),
        cmocka_unit_test(a_ring_goes_on_behind_the_newest_file),
        cmocka_unit_test(a_ring_with_gaps_goes_on_behind_the_newest_file),
        cmocka_unit_test(a_replaced_file_stays_with_its_reader),
        cmocka_unit_test(rotates_by_size),
        cmocka_unit_test(a_compressed_file_is_whole_whenever_the_process_ends),
        cmocka_unit_test(compressed_files_rotate_by_their_size_on_disk),
        cmocka_unit_test(a_file_smaller_than_its_header_still_takes_a_record),
        cmocka_unit_test(the_number_goes_before_the_extension_of_the_name),
        cmocka_unit_test(a_full_disk_is_an_error_and_counted),
        cmocka_unit_test(a_header_that_finds_no_room_fails_the_start),
        cmocka_unit_test(a_file_that_cannot_be_created_is_named),
        cmocka_unit_test(a_next_file_that_cannot_be_created_drops_the_record),
        cmocka_unit_test(half_a_block_is_cut_off),
        cmocka_unit_test(standard_output_is_never_cut),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
