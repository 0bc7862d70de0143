/* What a pcapng says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/pcapng_fixture.h"

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

/* Cut to what the first interface keeps of a frame. */
static void a_simple_packet_is_as_long_as_its_interface_says(void **state) {
    (void)state;
    struct seen seen[2] = {0};
    struct error error;
    section(false);
    interface(ETHERNET, 4, -1, 0);
    put32(3);
    put32(20);
    put32(9);
    put("1234", 4);
    put32(20);
    assert_int_equal(read_all(seen, 2, NULL, &error), 1);
    assert_int_equal(seen[0].captured, 4);
    assert_int_equal(seen[0].wire, 9);
    assert_memory_equal(seen[0].bytes, "1234", 4);
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
        TEST(a_simple_packet_is_as_long_as_its_interface_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
