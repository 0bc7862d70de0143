/* No memory to read captures: it fails with a line that says so, goes on with the next file, and leaves nothing. */
#include "capture/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "faults.h"
#include "scratch.h"

enum { FILES = 4, BYTES_MAX = 1 << 20, PATH_BYTES = 256 };

static char folder[SCRATCH_SIZE];
static char paths[FILES][PATH_BYTES];
static struct capture_options options;

static size_t read_bytes(const char *path, char *bytes) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, BYTES_MAX, file);
    fclose(file);
    assert_true(length > 0 && length < BYTES_MAX);
    return length;
}

/* Of each format and compression one. */
static int make_files(void **state) {
    static char bytes[BYTES_MAX], packed[2 * BYTES_MAX];
    const char *root = getenv("SOURCE_ROOT");
    (void)state;
    if (scratch_make(folder) == NULL || root == NULL)
        return -1;
    snprintf(paths[0], PATH_BYTES, "%s/tests/captures/dns.pcap", root);
    snprintf(paths[1], PATH_BYTES, "%s/tests/captures/two-interfaces.pcapng", root);
    snprintf(paths[2], PATH_BYTES, "%s/dns.pcap.gz", folder);
    snprintf(paths[3], PATH_BYTES, "%s/dns.pcap.zst", folder);
    size_t length = read_bytes(paths[0], bytes);
    gzFile gzip = gzopen(paths[2], "wb");
    assert_int_equal(gzwrite(gzip, bytes, (unsigned)length), length);
    assert_int_equal(gzclose(gzip), Z_OK);
    size_t size = ZSTD_compress(packed, sizeof packed, bytes, length, 1);
    FILE *file = fopen(paths[3], "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(packed, 1, size, file), size);
    return fclose(file);
}

static int remove_files(void **state) {
    (void)state;
    return scratch_remove(folder);
}

static int told(const struct error *error, int result) {
    assert_int_not_equal(error->exit_code, 0);
    assert_true(error->text[0] != '\0');
    return result;
}

/* All of them; the first failure. */
static int read_all(struct capture *capture) {
    enum capture_event event = CAPTURE_IDLE;
    int failure = 0;
    while (event != CAPTURE_END) {
        struct frame frame;
        struct error error = {0};
        int result = capture_next(capture, &frame, &event, &error);
        if (result < 0 && failure == 0)
            failure = told(&error, result);
    }
    return failure;
}

static int use(void) {
    struct capture *capture = NULL;
    struct error error = {0};
    int result = capture_open(&options, &capture, &error);
    if (result < 0) {
        assert_null(capture);
        return told(&error, result);
    }
    result = read_all(capture);
    capture_close(capture);
    return result;
}

static const char *const *all_files(void) {
    static const char *files[FILES];
    for (size_t i = 0; i < FILES; i++)
        files[i] = paths[i];
    return files;
}

static void without_memory(void **state) {
    (void)state;
    options = (struct capture_options){.files = all_files(), .file_count = FILES, .windows = 2};
    each_allocation_fails(use);
}

static void without_memory_for_a_filter(void **state) {
    (void)state;
    options = (struct capture_options){
        .files = all_files(), .file_count = FILES, .bpf_filter = "udp", .sort = true};
    each_allocation_fails(use);
}

static void without_memory_in_the_profile_nfstream(void **state) {
    (void)state;
    options = (struct capture_options){
        .files = all_files(), .file_count = FILES, .bpf_filter = "udp", .as_nfstream = true};
    each_allocation_fails(use);
}

static void without_descriptors(void **state) {
    (void)state;
    options = (struct capture_options){.files = all_files(), .file_count = FILES, .sort = true};
    each_call_fails("open", use);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory),
        cmocka_unit_test(without_memory_for_a_filter),
        cmocka_unit_test(without_memory_in_the_profile_nfstream),
        cmocka_unit_test(without_descriptors),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
