#include "capture/capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

enum { DLT_ETHERNET = 1, DLT_SLL = 113 };

#define MICROSECONDS 0xa1b2c3d4u
#define NANOSECONDS  0xa1b23c4du

static char folder[SCRATCH_SIZE];
static char path_text[8][128];
static int path_count;

static int make_folder(void **state) {
    (void)state;
    path_count = 0;
    return scratch_make(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return scratch_remove(folder);
}

static const char *path_of(const char *name) {
    char *path = path_text[path_count++];
    snprintf(path, sizeof *path_text, "%s/%s", folder, name);
    return path;
}

static void put32(FILE *file, uint32_t value) {
    fwrite(&value, sizeof value, 1, file);
}

/* A pcap of `frames` UDP datagrams (IPv4 over Ethernet or Linux cooked) to port 53, one a second from second
 * 100 on. */
static const char *write_capture(const char *name, uint32_t magic, uint32_t link_type, int frames,
                                 int cut_bytes) {
    static const uint8_t udp[] = {0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
                                  0,    1, 10, 0,  0, 2, 4, 0, 0,  53, 0, 8, 0,  0};
    uint8_t link[16] = {0};
    size_t link_length = link_type == DLT_SLL ? 16 : 14;
    link[link_length - 2] = 8;
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    put32(file, magic);
    put32(file, 2 | 4 << 16);
    put32(file, 0);
    put32(file, 0);
    put32(file, 65535);
    put32(file, link_type);
    for (int i = 0; i < frames; i++) {
        put32(file, 100 + (uint32_t)i);
        put32(file, 123456789);
        put32(file, (uint32_t)(link_length + sizeof udp));
        put32(file, 1500);
        fwrite(link, link_length, 1, file);
        fwrite(udp, sizeof udp, 1, file);
    }
    long size = ftell(file);
    fclose(file);
    assert_int_equal(truncate(path, size - cut_bytes), 0);
    return path;
}

static struct capture *open_files(const char *const *files, size_t count, const char *filter) {
    struct capture *capture = NULL;
    struct error error = {0};
    struct capture_options options = {.files = files, .file_count = count, .bpf_filter = filter};
    int result = capture_open(&options, &capture, &error);
    if (result != 0)
        fail_msg("capture_open: %d %s", result, error.text);
    return capture;
}

static void assert_refused(const char *const *files, size_t count, const char *filter, int exit_code,
                           const char *words) {
    struct capture *capture = NULL;
    struct error error = {0};
    struct capture_options options = {.files = files, .file_count = count, .bpf_filter = filter};
    assert_true(capture_open(&options, &capture, &error) < 0);
    assert_null(capture);
    assert_int_equal(error.exit_code, exit_code);
    assert_non_null(strstr(error.text, words));
    assert_non_null(strstr(error.text, files[count - 1]));
}

/* Reads on until something else than a frame comes; the number of frames. */
static int read_frames(struct capture *capture, struct frame *frame, int *result, struct error *error) {
    enum capture_event event = CAPTURE_IDLE;
    for (int frames = 0;; frames++)
        if ((*result = capture_next(capture, frame, &event, error)) < 0 || event != CAPTURE_FRAME) {
            assert_true(*result < 0 || event == CAPTURE_END);
            return frames;
        }
}

static void several_files_are_one_stream(void **state) {
    (void)state;
    const char *files[] = {write_capture("a.pcap", MICROSECONDS, DLT_ETHERNET, 3, 0),
                           write_capture("empty.pcap", MICROSECONDS, DLT_ETHERNET, 0, 0),
                           write_capture("b.pcap", NANOSECONDS, DLT_SLL, 2, 0)};
    struct capture *capture = open_files(files, 3, NULL);
    struct frame frame = {0};
    enum capture_event event;
    struct capture_statistics statistics;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
        assert_int_equal(event, CAPTURE_FRAME);
        assert_int_equal(frame.link_type, i < 3 ? DLT_ETHERNET : DLT_SLL);
        assert_int_equal(frame.captured_length, i < 3 ? 42 : 44);
        assert_int_equal(frame.bytes[frame.captured_length - 5], 53);
        assert_int_equal(frame.wire_length, 1500);
        assert_int_equal(frame.seconds, 100 + i % 3);
        assert_int_equal(frame.microseconds, i < 3 ? 123456789 : 123456);
        assert_string_equal(capture_source_name(capture), files[i < 3 ? 0 : 2]);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
        assert_int_equal(event, CAPTURE_END);
    }
    capture_statistics(capture, &statistics);
    assert_int_equal(statistics.frames, 5);
    assert_int_equal(statistics.bytes_total, 3 * 24 + 3 * (16 + 42) + 2 * (16 + 44));
    assert_int_equal(statistics.bytes_read, statistics.bytes_total);
    capture_close(capture);
}

static void the_filter_is_compiled_for_each_link_type(void **state) {
    (void)state;
    const char *files[] = {write_capture("a.pcap", MICROSECONDS, DLT_ETHERNET, 3, 0),
                           write_capture("b.pcap", MICROSECONDS, DLT_SLL, 2, 0)};
    struct frame frame;
    int result;
    struct capture *capture = open_files(files, 2, "udp dst port 53");
    assert_int_equal(read_frames(capture, &frame, &result, NULL), 5);
    capture_close(capture);
    capture = open_files(files, 2, "udp dst port 54");
    assert_int_equal(read_frames(capture, &frame, &result, NULL), 0);
    assert_int_equal(result, 0);
    capture_close(capture);
}

static void a_cut_file_counts_up_to_the_cut_and_the_next_goes_on(void **state) {
    (void)state;
    const char *files[] = {write_capture("whole.pcap", MICROSECONDS, DLT_ETHERNET, 1, 0),
                           write_capture("cut.pcap", MICROSECONDS, DLT_ETHERNET, 4, 10),
                           write_capture("later.pcap", MICROSECONDS, DLT_ETHERNET, 1, 0)};
    struct capture *capture = open_files(files, 3, NULL);
    struct frame frame;
    struct error error = {0};
    int result;
    assert_int_equal(read_frames(capture, &frame, &result, &error), 4);
    assert_true(result < 0);
    assert_int_equal(error.exit_code, EX_DATAERR);
    assert_non_null(strstr(error.text, files[1]));
    assert_non_null(strstr(error.text, "after 3 packets"));
    assert_non_null(strstr(error.text, "ends within a packet"));
    assert_int_equal(read_frames(capture, &frame, &result, &error), 1);
    assert_int_equal(result, 0);
    assert_string_equal(capture_source_name(capture), files[2]);
    capture_close(capture);
}

static void what_is_no_capture_is_refused(void **state) {
    (void)state;
    const char *good = write_capture("good.pcap", MICROSECONDS, DLT_ETHERNET, 1, 0);
    const char *text = write_capture("text.pcap", 0x6c6c6568, DLT_ETHERNET, 0, 0);
    const char *nothing = write_capture("nothing.pcap", MICROSECONDS, DLT_ETHERNET, 0, 24);
    assert_refused((const char *[]){text}, 1, NULL, EX_DATAERR, "not a pcap or pcapng capture");
    assert_refused((const char *[]){nothing}, 1, NULL, EX_DATAERR, "is empty");
    assert_refused((const char *[]){folder}, 1, NULL, EX_NOINPUT, "is a directory");
    assert_refused((const char *[]){text, "/nonexistent/x.pcap"}, 2, NULL, EX_NOINPUT,
                   "no such capture file");
    const char *odd = write_capture("odd.pcap", MICROSECONDS, 0x10001, 0, 0);
    assert_refused((const char *[]){odd}, 1, NULL, EX_DATAERR, "link type 65537");
    assert_refused((const char *[]){good}, 1, "tcp prt 80", EX_CONFIG, "tcp prt 80");
}

/* Link types are given out by others: a number that libpcap has no name for is one of the future. */
static void a_link_type_that_nobody_knows_is_read(void **state) {
    (void)state;
    const char *odd = write_capture("odd.pcap", MICROSECONDS, 30000, 3, 0);
    struct capture *capture = open_files(&odd, 1, NULL);
    struct frame frame = {0};
    int result;
    assert_int_equal(read_frames(capture, &frame, &result, NULL), 3);
    assert_int_equal(result, 0);
    assert_int_equal(frame.link_type, 30000);
    capture_close(capture);
}

/* Counts frames to the end; how often capture_next() failed. */
static int read_all(struct capture *capture, int *frames, char *texts, size_t size) {
    struct frame frame;
    struct error error = {0};
    int failures = 0, result;
    *frames = 0;
    texts[0] = '\0';
    do {
        *frames += read_frames(capture, &frame, &result, &error);
        if (result < 0) {
            failures++;
            strncat(texts, error.text, size - strlen(texts) - 1);
        }
    } while (result < 0);
    return failures;
}

static void every_file_is_read_or_named(void **state) {
    (void)state;
    char texts[4096];
    int frames;
    const char *files[] = {write_capture("text.pcap", 0x6c6c6568, DLT_ETHERNET, 0, 0),
                           write_capture("a.pcap", MICROSECONDS, DLT_ETHERNET, 3, 0),
                           write_capture("nothing.pcap", MICROSECONDS, DLT_ETHERNET, 0, 24),
                           folder,
                           "/nonexistent/x.pcap",
                           write_capture("b.pcap", MICROSECONDS, DLT_SLL, 2, 0)};
    struct capture *capture = open_files(files, 6, NULL);
    assert_int_equal(read_all(capture, &frames, texts, sizeof texts), 4);
    assert_int_equal(frames, 5);
    const char *told[] = {files[3], "is a directory", "no such", files[4],
                          files[0], "not a pcap",     files[2],  "is empty"};
    const char *at = texts;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        at = strstr(at, told[i]);
        assert_non_null(at);
    }
    capture_close(capture);
}

static void frames_say_which_file_they_are_of(void **state) {
    (void)state;
    const char *files[] = {write_capture("x.pcap", MICROSECONDS, DLT_ETHERNET, 2, 0),
                           write_capture("none.pcap", MICROSECONDS, DLT_ETHERNET, 0, 0),
                           write_capture("y.pcap", MICROSECONDS, DLT_ETHERNET, 1, 0)};
    struct capture *capture = open_files(files, 3, NULL);
    struct frame frame;
    enum capture_event event;
    const uint32_t expected[] = {0, 0, 2};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
        assert_int_equal(frame.file, expected[i]);
        assert_string_equal(capture_file_names(capture)[frame.file], files[expected[i]]);
    }
    capture_close(capture);
}

static void seconds_have_no_sign(void **state) {
    (void)state;
    const char *path = write_capture("late.pcap", MICROSECONDS, DLT_ETHERNET, 1, 0);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, 24, SEEK_SET);
    put32(file, 4294967295u);
    fclose(file);
    for (int as_nfstream = 0; as_nfstream < 2; as_nfstream++) {
        struct capture_options options = {.files = &path, .file_count = 1, .as_nfstream = as_nfstream};
        struct capture *capture = NULL;
        struct frame frame = {0};
        int result;
        assert_int_equal(capture_open(&options, &capture, NULL), 0);
        assert_int_equal(read_frames(capture, &frame, &result, NULL), 1);
        assert_int_equal(frame.seconds, 4294967295);
        capture_close(capture);
    }
}

static void a_file_that_may_not_be_read_is_refused(void **state) {
    (void)state;
    const char *path = write_capture("secret.pcap", MICROSECONDS, DLT_ETHERNET, 1, 0);
    chmod(folder, 0755);
    chmod(path, 0);
    int status;
    pid_t child = fork();
    if (child == 0) {
        /* Root may read everything: the child becomes somebody else. */
        struct capture *capture = NULL;
        struct error error = {0};
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(1);
        capture_open(&(struct capture_options){.files = &path, .file_count = 1}, &capture, &error);
        _exit(capture == NULL && strstr(error.text, path) != NULL ? error.exit_code : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EX_NOPERM);
}

static void standard_input_is_read(void **state) {
    (void)state;
    const char *path = write_capture("in.pcap", MICROSECONDS, DLT_ETHERNET, 7, 0);
    const char *files[] = {"-"};
    struct frame frame;
    int result;
    assert_non_null(freopen(path, "rb", stdin));
    struct capture *capture = open_files(files, 1, NULL);
    assert_string_equal(capture_source_name(capture), "standard input");
    assert_int_equal(read_frames(capture, &frame, &result, NULL), 7);
    assert_int_equal(result, 0);
    capture_close(capture);
}

static void a_break_ends_the_stream(void **state) {
    (void)state;
    const char *files[] = {write_capture("a.pcap", MICROSECONDS, DLT_ETHERNET, 3, 0)};
    struct capture *capture = open_files(files, 1, NULL);
    struct frame frame;
    int result;
    capture_break(capture);
    assert_int_equal(read_frames(capture, &frame, &result, NULL), 0);
    assert_int_equal(result, 0);
    capture_close(capture);
}

static void the_source_must_be_one(void **state) {
    (void)state;
    const char *files[] = {"a"};
    struct capture *capture = NULL;
    struct error error = {0};
    const char *interfaces[] = {"lo"};
    struct capture_options both = {.files = files,
                                   .file_count = 1,
                                   .interfaces = interfaces,
                                   .interface_count = 1},
                           none = {0};
    assert_true(capture_open(&both, &capture, &error) < 0);
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_true(capture_open(&none, &capture, &error) < 0);
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_null(capture);
    capture_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_files_are_one_stream, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_filter_is_compiled_for_each_link_type, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_cut_file_counts_up_to_the_cut_and_the_next_goes_on, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_is_no_capture_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_link_type_that_nobody_knows_is_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(every_file_is_read_or_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(frames_say_which_file_they_are_of, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(seconds_have_no_sign, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_that_may_not_be_read_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(standard_input_is_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_break_ends_the_stream, make_folder, remove_folder),
        cmocka_unit_test(the_source_must_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
