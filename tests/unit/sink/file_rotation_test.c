/* Names of the file sink's files: earlier runs, rotation and the ring. */
#include "sink/file_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

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

/* However short it is, what isn't a header of this output is somebody's. */
static void other_content_is_kept(void **state) {
    (void)state;
    static const char *const contents[] = {"notes\n", "x", "Obj\1 not the whole header", "{}\n"};
    static const char *const formats[] = {"csv", "avro", "jsonl"};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++) {
            char name[32], kept[32];
            snprintf(name, sizeof name, "other-%zu.%s", i, formats[k]);
            snprintf(kept, sizeof kept, "other-%zu.1.%s", i, formats[k]);
            write_file(path_of(name), contents[i]);
            struct sink_options options = options_for(path_of(name), formats[k]);
            finish(open_sink(&options));
            assert_content(path_of(kept), contents[i]);
        }
}

/* Two sensors on one path: each has a file of its own. */
static void a_file_that_another_writes_is_kept(void **state) {
    (void)state;
    struct sink_options options = options_for(path_of("both.csv"), "csv");
    void *first = open_sink(&options), *second = open_sink(&options);
    write_lines(first, 1, 1);
    write_lines(second, 2, 1);
    finish(first);
    finish(second);
    assert_content(path_of("both.1.csv"), "a,b\n1,x\n");
    assert_content(path_of("both.csv"), "a,b\n2,x\n");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_earlier_runs_are_kept),
        cmocka_unit_test(a_file_without_records_is_used_again),
        cmocka_unit_test(other_content_is_kept),
        cmocka_unit_test(a_file_that_another_writes_is_kept),
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
        cmocka_unit_test(a_file_smaller_than_its_header_still_takes_a_record),
        cmocka_unit_test(the_number_goes_before_the_extension_of_the_name),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
