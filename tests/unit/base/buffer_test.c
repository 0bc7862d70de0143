#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void what_is_appended_stays_in_order(void **state) {
    (void)state;
    struct buffer buffer = {0};
    for (int i = 0; i < 10000; i++)
        buffer_append(&buffer, "abc", 3);
    assert_int_equal(buffer.length, 30000);
    for (size_t i = 0; i < buffer.length; i++)
        assert_int_equal(buffer.data[i], "abc"[i % 3]);
    assert_false(buffer.failed);
    buffer_free(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
}

static void nothing_appended_changes_nothing(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append(&buffer, NULL, 0);
    assert_int_equal(buffer.length, 0);
    assert_false(buffer.failed);
    buffer_free(&buffer);
}

static void an_emptied_buffer_keeps_its_memory(void **state) {
    (void)state;
    struct buffer buffer = {0};
    uint8_t *room = buffer_reserve(&buffer, 100000);
    memset(room, 'x', 100000);
    buffer.length = 100000;
    size_t capacity = buffer.capacity;
    buffer.length = 0;
    assert_ptr_equal(buffer_reserve(&buffer, capacity), room);
    assert_int_equal(buffer.capacity, capacity);
    buffer_free(&buffer);
}

static void what_finds_no_memory_is_a_failure_and_harms_nothing(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append(&buffer, "abc", 3);
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    assert_int_equal(buffer.length, 3);
    assert_memory_equal(buffer.data, "abc", 3);
    buffer_free(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_stays_in_order),
        cmocka_unit_test(nothing_appended_changes_nothing),
        cmocka_unit_test(an_emptied_buffer_keeps_its_memory),
        cmocka_unit_test(what_finds_no_memory_is_a_failure_and_harms_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
