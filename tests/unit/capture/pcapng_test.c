/* pcapng by blocks that are made here, in both byte orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/capture.h"

enum { ETHERNET = 1, RAW = 101, DLT_RAW_OF_LINUX = 12, USER0 = 147, SECOND = 1700000000 };

static char path[64];
static FILE *file;
static bool swapped;

static int begin(void **state) {
    (void)state;
    strcpy(path, "/tmp/flowsensor-pcapng-XXXXXX");
    int descriptor = mkstemp(path);
    file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    swapped = false;
    return file == NULL ? -1 : 0;
}

static int end(void **state) {
    (void)state;
    return unlink(path);
}

static void put(const void *bytes, size_t length) {
    assert_int_equal(fwrite(bytes, 1, length, file), length);
}

static void put16(uint16_t number) {
    number = swapped ? __builtin_bswap16(number) : number;
    put(&number, sizeof number);
}

static void put32(uint32_t number) {
    number = swapped ? __builtin_bswap32(number) : number;
    put(&number, sizeof number);
}

static void put64(uint64_t number) {
    number = swapped ? __builtin_bswap64(number) : number;
    put(&number, sizeof number);
}

static void pad(size_t length) {
    put("\0\0\0", (4 - length % 4) % 4);
}

static void section(bool other_order) {
    swapped = other_order;
    put32(0x0a0d0d0a);
    put32(28);
    put32(0x1a2b3c4d);
    put16(1);
    put16(0);
    put64(UINT64_MAX);
    put32(28);
}

/* resolution < 0: none is told. */
static void interface(uint16_t link, uint32_t snapshot, int resolution, int64_t offset) {
    uint32_t options = (resolution >= 0 ? 8 : 0) + (offset != 0 ? 12 : 0);
    options += options > 0 ? 4 : 0;
    put32(1);
    put32(20 + options);
    put16(link);
    put16(0);
    put32(snapshot);
    if (resolution >= 0) {
        put16(9);
        put16(1);
        put((uint8_t[4]){(uint8_t)resolution}, 4);
    }
    if (offset != 0) {
        put16(14);
        put16(8);
        put64((uint64_t)offset);
    }
    if (options > 0)
        put32(0);
    put32(20 + options);
}

/* Type 6, or 2 with 16 bits of the interface and a count of drops. */
static void packet(uint32_t type, uint32_t number, uint64_t time, const char *bytes, uint32_t wire) {
    uint32_t length = (uint32_t)strlen(bytes), total = 32 + length + (4 - length % 4) % 4;
    put32(type);
    put32(total);
    if (type == 2) {
        put16((uint16_t)number);
        put16(7);
    } else {
        put32(number);
    }
    put32((uint32_t)(time >> 32));
    put32((uint32_t)time);
    put32(length);
    put32(wire);
    put(bytes, length);
    pad(length);
    put32(total);
}

static void simple_packet(const char *bytes, uint32_t wire) {
    uint32_t length = (uint32_t)strlen(bytes), total = 16 + length + (4 - length % 4) % 4;
    put32(3);
    put32(total);
    put32(wire);
    put(bytes, length);
    pad(length);
    put32(total);
}

/* A block of a type that nobody knows, of any size. */
static void foreign_block(uint32_t length) {
    static const char zeros[4096];
    put32(0x80000bad);
    put32(length);
    for (uint32_t left = length - 12; left > 0;) {
        uint32_t part = left < sizeof zeros ? left : (uint32_t)sizeof zeros;
        put(zeros, part);
        left -= part;
    }
    put32(length);
}

struct seen {
    char bytes[16];
    int64_t seconds;
    int32_t microseconds;
    uint32_t captured, wire;
    int link_type;
};

/* Reads all that was put; the number of frames. *error is empty if nothing failed. */
static size_t read_all(struct seen *seen, size_t room, const char *filter, struct error *error) {
    const char *name = path;
    struct capture_options options = {.files = &name, .file_count = 1, .bpf_filter = filter};
    struct capture *capture = NULL;
    struct frame frame;
    enum capture_event event = CAPTURE_FRAME;
    size_t count = 0;
    *error = (struct error){0};
    fclose(file);
    if (capture_open(&options, &capture, error) < 0)
        return 0;
    while (capture_next(capture, &frame, &event, error) == 0 && event == CAPTURE_FRAME && count < room) {
        struct seen *one = &seen[count++];
        *one = (struct seen){.seconds = frame.seconds,
                             .microseconds = frame.microseconds,
                             .captured = frame.captured_length,
                             .wire = frame.wire_length,
                             .link_type = frame.link_type};
        memcpy(one->bytes, frame.bytes, frame.captured_length < 15 ? frame.captured_length : 15);
    }
    capture_close(capture);
    return count;
}

static void every_interface_has_its_own_ways(void **state) {
    (void)state;
    struct seen seen[8];
    struct error error;
    section(false);
    interface(ETHERNET, 0, -1, 0);
    interface(RAW, 65535, 9, 0);
    interface(USER0, 4, 0x80 | 10, 1000);
    packet(6, 0, SECOND * 1000000ull + 5, "first", 50);
    packet(6, 1, SECOND * 1000000000ull + 123456789, "second", 60);
    packet(6, 2, SECOND * 1024ull + 512, "third", 70);
    packet(2, 1, SECOND * 1000000000ull, "4", 4);
    simple_packet("fifth", 5);
    assert_int_equal(read_all(seen, 8, NULL, &error), 5);
    assert_int_equal(error.exit_code, 0);
    const struct seen expected[] = {{"first", SECOND, 5, 5, 50, 1},
                                    {"second", SECOND, 123456, 6, 60, DLT_RAW_OF_LINUX},
                                    {"thir", SECOND + 1000, 500000, 4, 70, USER0},
                                    {"4", SECOND, 0, 1, 4, DLT_RAW_OF_LINUX},
                                    {"fifth", 0, 0, 5, 5, 1}};
    for (size_t i = 0; i < 5; i++)
        assert_memory_equal(&seen[i], &expected[i], sizeof *seen);
}

static void an_interface_may_come_late(void **state) {
    (void)state;
    struct seen seen[4];
    struct error error;
    section(true);
    interface(ETHERNET, 100, -1, 0);
    packet(6, 0, 1000000, "a", 1);
    interface(RAW, 200, -1, -1);
    packet(6, 1, 3000000, "b", 1);
    packet(6, 0, 2000000, "c", 1);
    assert_int_equal(read_all(seen, 4, NULL, &error), 3);
    assert_int_equal(error.exit_code, 0);
    assert_int_equal(seen[1].seconds, 2);
    assert_int_equal(seen[1].link_type, DLT_RAW_OF_LINUX);
    assert_int_equal(seen[2].link_type, ETHERNET);
}

static void sections_have_their_own_order_and_interfaces(void **state) {
    (void)state;
    struct seen seen[4];
    struct error error;
    section(false);
    interface(ETHERNET, 0, -1, 0);
    packet(6, 0, 1000000, "a", 1);
    section(true);
    interface(RAW, 0, 0, 0);
    packet(6, 0, 9, "b", 1);
    section(false);
    packet(6, 0, 1, "c", 1);
    assert_int_equal(read_all(seen, 4, NULL, &error), 2);
    assert_int_equal(seen[1].seconds, 9);
    assert_int_equal(seen[1].link_type, DLT_RAW_OF_LINUX);
    assert_int_equal(error.exit_code, EX_DATAERR);
    assert_non_null(strstr(error.text, "after 2 packets"));
    assert_non_null(strstr(error.text, "interface 0, which is not described"));
}

static void foreign_blocks_are_passed_over(void **state) {
    (void)state;
    struct seen seen[4];
    struct error error;
    section(false);
    foreign_block(12);
    interface(ETHERNET, 0, -1, 0);
    foreign_block(3 << 20);
    packet(6, 0, 1000000, "a", 1);
    foreign_block(1 << 20);
    foreign_block((1 << 20) + 4);
    packet(6, 0, 1000000, "b", 1);
    assert_int_equal(read_all(seen, 4, NULL, &error), 2);
    assert_int_equal(error.exit_code, 0);
    assert_string_equal(seen[1].bytes, "b");
}

/* Times beyond 64 bits are at their end, where everybody sees that they are none. */
static void times_do_not_wrap(void **state) {
    (void)state;
    struct seen seen[4];
    struct error error;
    section(false);
    interface(ETHERNET, 0, 0, 0);
    interface(ETHERNET, 0, 0, INT64_MAX);
    interface(ETHERNET, 0, 0x80 | 63, 0);
    packet(6, 0, UINT64_MAX, "a", 1);
    packet(6, 1, 1, "b", 1);
    packet(6, 2, UINT64_MAX, "c", 1);
    assert_int_equal(read_all(seen, 4, NULL, &error), 3);
    assert_int_equal(error.exit_code, 0);
    assert_true(seen[0].seconds == INT64_MAX && seen[1].seconds == INT64_MAX);
    assert_true(seen[2].seconds == 1 && seen[2].microseconds == 999999);
}

static void a_filter_is_compiled_for_each_interface(void **state) {
    (void)state;
    struct seen seen[4];
    struct error error;
    section(false);
    interface(ETHERNET, 0, -1, 0);
    interface(RAW, 0, -1, 0);
    packet(6, 0, 0, "12345678901234567890", 20);
    packet(6, 1, 0, "123456", 6);
    packet(6, 1, 0, "123456789", 9);
    assert_int_equal(read_all(seen, 4, "greater 8", &error), 2);
    assert_int_equal(seen[1].captured, 9);
}

/* One defect a run: how much is read before it, and what is said. */
static void expect_defect(size_t frames, const char *words) {
    struct seen seen[4];
    struct error error;
    assert_int_equal(read_all(seen, 4, NULL, &error), frames);
    assert_int_equal(error.exit_code, EX_DATAERR);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" expected: %s", words, error.text);
}

static void one_packet(void) {
    section(false);
    interface(ETHERNET, 0, -1, 0);
    packet(6, 0, 1, "a", 1);
}

static void a_block_that_says_no_length_ends_it(void **state) {
    (void)state;
    one_packet();
    put32(6);
    put32(10);
    expect_defect(1, "impossible length 10");
}

static void a_block_that_is_endless_ends_it(void **state) {
    (void)state;
    one_packet();
    put32(5);
    put32(0xfffffffc);
    expect_defect(1, "impossible length 4294967292");
}

static void lengths_that_differ_end_it(void **state) {
    (void)state;
    one_packet();
    put32(5);
    put32(12);
    put32(16);
    expect_defect(1, "12 at its start and 16 at its end");
}

static void a_block_that_is_cut_ends_it(void **state) {
    (void)state;
    one_packet();
    put32(5);
    put32(4 << 20);
    put32(0);
    expect_defect(1, "ends within a block");
}

/* Behind the window what is missing shows when the next block is looked for. */
static void a_long_block_that_is_cut_ends_it(void **state) {
    (void)state;
    one_packet();
    foreign_block(2 << 20);
    fflush(file);
    assert_int_equal(ftruncate(fileno(file), ftell(file) - 4), 0);
    expect_defect(1, "ends within the header of a block");
}

static void a_packet_longer_than_its_block_ends_it(void **state) {
    (void)state;
    one_packet();
    put32(6);
    put32(36);
    for (int i = 0; i < 3; i++)
        put32(0);
    put32(5);
    put32(5);
    put32(0);
    put32(36);
    expect_defect(1, "too short");
}

static void a_resolution_that_is_none_ends_it(void **state) {
    (void)state;
    one_packet();
    interface(ETHERNET, 0, 20, 0);
    expect_defect(1, "interface 1 has an impossible resolution");
}

static void an_option_that_is_cut_ends_it(void **state) {
    (void)state;
    one_packet();
    put32(1);
    put32(24);
    put32(ETHERNET);
    put32(0);
    put16(2);
    put16(5);
    put32(24);
    expect_defect(1, "cut within an option");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_interface_has_its_own_ways),
        TEST(an_interface_may_come_late),
        TEST(sections_have_their_own_order_and_interfaces),
        TEST(foreign_blocks_are_passed_over),
        TEST(times_do_not_wrap),
        TEST(a_filter_is_compiled_for_each_interface),
        TEST(a_block_that_says_no_length_ends_it),
        TEST(a_block_that_is_endless_ends_it),
        TEST(lengths_that_differ_end_it),
        TEST(a_block_that_is_cut_ends_it),
        TEST(a_long_block_that_is_cut_ends_it),
        TEST(a_packet_longer_than_its_block_ends_it),
        TEST(a_resolution_that_is_none_ends_it),
        TEST(an_option_that_is_cut_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
