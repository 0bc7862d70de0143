#include "sink/container.h"

#include <avro.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* doc, default and the logical type are what Avro C's own writer would lose. */
static const char schema_text[] =
    "{\"type\": \"record\", \"name\": \"Flow\", \"doc\": \"a flow\", \"fields\": [\n"
    "  {\"name\": \"n\", \"type\": \"long\", \"doc\": \"its number\"},\n"
    "  {\"name\": \"name\", \"type\": [\"null\", \"string\"], \"default\": null}]}\n";

/* A record { n, name = "flow N" } in Avro's binary form. */
static void append_record(struct buffer *buffer, int number) {
    char bytes[64];
    char *to = bytes;
    unsigned zigzag = (unsigned)number << 1;
    for (; zigzag > 0x7f; zigzag >>= 7)
        *to++ = (char)(0x80 | (zigzag & 0x7f));
    *to++ = (char)zigzag;
    *to++ = 2; /* the union's second branch */
    int length = snprintf(to + 1, 32, "flow %d", number);
    *to++ = (char)(length << 1);
    buffer_append(buffer, bytes, (size_t)(to - bytes + length));
}

/* A file of `blocks` blocks with `records` records each; its path is malloc'd. */
static char *make_file(bool deflate, int blocks, int records) {
    struct container container = {0};
    struct buffer out = {0};
    assert_int_equal(container_begin(&container, deflate, schema_text, &out), 0);
    for (int block = 0; block < blocks; block++) {
        struct buffer data = {0};
        for (int i = 0; i < records; i++)
            append_record(&data, block * records + i);
        assert_int_equal(container_block(&container, data.data, data.length, (uint64_t)records, &out), 0);
        buffer_free(&data);
    }
    container_end(&container);
    char *path = strdup("/tmp/flowsensor-container-XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, out.data, out.length), out.length);
    close(descriptor);
    buffer_free(&out);
    return path;
}

static void check_record(avro_value_t *value, int number) {
    char *json = NULL, expected[64];
    assert_int_equal(avro_value_to_json(value, 1, &json), 0);
    snprintf(expected, sizeof expected, "{\"n\": %d, \"name\": {\"string\": \"flow %d\"}}", number, number);
    assert_string_equal(json, expected);
    free(json);
}

/* Reads the file with Avro C; the number of records, in order and with nothing behind them. */
static int read_file(const char *path) {
    avro_file_reader_t reader;
    assert_int_equal(avro_file_reader(path, &reader), 0);
    avro_schema_t schema = avro_file_reader_get_writer_schema(reader);
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    avro_value_t value = {0};
    int count = 0;
    assert_int_equal(avro_generic_value_new(class, &value), 0);
    int result;
    while ((result = avro_file_reader_read_value(reader, &value)) == 0) {
        check_record(&value, count++);
        avro_value_reset(&value);
    }
    assert_int_equal(result, EOF);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    avro_file_reader_close(reader);
    return count;
}

static void check_file(bool deflate, int blocks, int records) {
    char *path = make_file(deflate, blocks, records);
    assert_int_equal(read_file(path), blocks * records);
    unlink(path);
    free(path);
}

static void avro_c_reads_blocks(void **state) {
    (void)state;
    check_file(false, 1, 1);
    check_file(false, 3, 100);
}

static void avro_c_reads_deflated_blocks(void **state) {
    (void)state;
    check_file(true, 1, 1);
    check_file(true, 4, 5000);
}

static void avro_c_reads_a_file_without_blocks(void **state) {
    (void)state;
    check_file(false, 0, 0);
    check_file(true, 0, 0);
}

static void the_header_has_the_schema_as_shipped(void **state) {
    (void)state;
    static const uint8_t magic[] = {'O', 'b', 'j', 1};
    struct container container = {0};
    struct buffer out = {0};
    assert_int_equal(container_begin(&container, true, schema_text, &out), 0);
    assert_memory_equal(out.data, magic, sizeof magic);
    assert_non_null(memmem(out.data, out.length, schema_text, sizeof schema_text - 1));
    assert_memory_equal(out.data + out.length - sizeof container.sync, container.sync, sizeof container.sync);
    buffer_free(&out);
    container_end(&container);
}

static void files_have_markers_of_their_own(void **state) {
    (void)state;
    struct container a = {0}, b = {0};
    struct buffer out = {0};
    assert_int_equal(container_begin(&a, false, schema_text, &out), 0);
    assert_int_equal(container_begin(&b, false, schema_text, &out), 0);
    assert_memory_not_equal(a.sync, b.sync, sizeof a.sync);
    buffer_free(&out);
}

static void deflate_makes_blocks_smaller(void **state) {
    (void)state;
    static const uint8_t zeros[10000];
    struct container container = {0};
    struct buffer out = {0};
    assert_int_equal(container_begin(&container, true, schema_text, &out), 0);
    size_t header = out.length;
    assert_int_equal(container_block(&container, zeros, sizeof zeros, 1, &out), 0);
    assert_true(out.length - header < 200);
    buffer_free(&out);
    container_end(&container);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro_c_reads_blocks),
        cmocka_unit_test(avro_c_reads_deflated_blocks),
        cmocka_unit_test(avro_c_reads_a_file_without_blocks),
        cmocka_unit_test(the_header_has_the_schema_as_shipped),
        cmocka_unit_test(files_have_markers_of_their_own),
        cmocka_unit_test(deflate_makes_blocks_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
