/* Each defect of a pcapng ends it, behind what came before, with a line that names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/pcapng_fixture.h"

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

/* A section whose magic number and version are these. */
static void odd_section(uint32_t magic, uint16_t major) {
    put32(0x0a0d0d0a);
    put32(28);
    put32(magic);
    put16(major);
    put16(0);
    put64(UINT64_MAX);
    put32(28);
}

static void a_section_of_no_byte_order_ends_it(void **state) {
    (void)state;
    one_packet();
    odd_section(0x1a2b3c4e, 1);
    expect_defect(1, "its magic number is 0x1a2b3c4e");
}

static void a_section_of_another_version_ends_it(void **state) {
    (void)state;
    one_packet();
    odd_section(0x1a2b3c4d, 2);
    expect_defect(1, "version 2 of pcapng");
}

static void a_section_that_is_cut_ends_it(void **state) {
    (void)state;
    one_packet();
    put32(0x0a0d0d0a);
    put32(28);
    expect_defect(1, "ends within the header of a section");
}

/* Each kind of block whose body has no room for what it must say. */
static void a_body_that_is_too_short_ends_it(void **state) {
    static const uint32_t kinds[] = {1, 2, 3, 6, 0x0a0d0d0a};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (i > 0)
            assert_int_equal(end(state) + begin(state), 0);
        one_packet();
        uint32_t length = kinds[i] == 0x0a0d0d0a ? 16 : 12;
        put32(kinds[i]);
        put32(length);
        if (length == 16)
            put32(0x1a2b3c4d);
        put32(length);
        expect_defect(1, "too short");
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_block_that_says_no_length_ends_it), TEST(a_block_that_is_endless_ends_it),
        TEST(lengths_that_differ_end_it),          TEST(a_block_that_is_cut_ends_it),
        TEST(a_long_block_that_is_cut_ends_it),    TEST(a_packet_longer_than_its_block_ends_it),
        TEST(a_resolution_that_is_none_ends_it),   TEST(an_option_that_is_cut_ends_it),
        TEST(a_section_of_no_byte_order_ends_it),  TEST(a_section_of_another_version_ends_it),
        TEST(a_section_that_is_cut_ends_it),       TEST(a_body_that_is_too_short_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
