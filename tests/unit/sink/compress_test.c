/* Judged by the commands that users have. */
#include "sink/compress.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 300 * 1024 };

static const struct { const char *name, *command; } kinds[] = {{"gzip", "gzip -dc"}, {"zstd", "zstd -dcq"}};

/* What the command makes of the bytes; its exit status must be 0. */
static size_t decompress(const char *command, const struct buffer *packed, uint8_t *place, size_t size) {
    char path[] = "/tmp/flowsensor-compress-XXXXXX", line[128];
    int descriptor = mkstemp(path);
    assert_true(write(descriptor, packed->data, packed->length) == (ssize_t)packed->length);
    close(descriptor);
    snprintf(line, sizeof line, "%s <%s", command, path);
    FILE *stream = popen(line, "re"); /* NOLINT(cert-env33-c): a line of our own */
    size_t length = fread(place, 1, size, stream);
    assert_int_equal(pclose(stream), 0);
    unlink(path);
    return length;
}

static void each_call_makes_a_whole_file(void **state) {
    (void)state;
    uint8_t *data = malloc(SIZE), *back = malloc(SIZE);
    uint32_t random = 1;
    for (size_t i = 0; i < SIZE; i++) {
        random = random * 1664525u + 1013904223u;
        data[i] = i < SIZE / 2 ? (uint8_t) "0123456789,"[i % 11] : (uint8_t)(random >> 24);
    }
    static const size_t cuts[] = {0, 1, 5, SIZE / 3, SIZE / 2, SIZE - 1, SIZE};
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        struct compressor *compressor;
        struct buffer out = {0};
        assert_int_equal(compressor_create(kinds[kind].name, &compressor), 0);
        for (size_t i = 1; i < sizeof cuts / sizeof *cuts; i++) {
            assert_int_equal(compressor_append(compressor, data + cuts[i - 1], cuts[i] - cuts[i - 1], &out),
                             0);
            assert_int_equal(decompress(kinds[kind].command, &out, back, SIZE), cuts[i]);
            assert_memory_equal(back, data, cuts[i]);
        }
        assert_true(out.length < SIZE * 3 / 4);
        size_t before = out.length;
        assert_int_equal(compressor_append(compressor, data, 0, &out), 0);
        assert_int_equal(out.length, before);
        compressor_destroy(compressor);
        buffer_free(&out);
    }
    free(data);
    free(back);
}

static void other_names_are_refused(void **state) {
    (void)state;
    struct compressor *compressor = NULL;
    assert_int_equal(compressor_create("lz4", &compressor), -EINVAL);
    assert_null(compressor);
    compressor_destroy(compressor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_makes_a_whole_file),
        cmocka_unit_test(other_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
