#include "sink/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "sink/example_message.h"

static void sums_what_was_encoded_in_order(void **state) {
    (void)state;
    const struct sink_type *type = sink_find("null");
    struct sink_options options = {.output = "null", .checksum = true};
    struct sink_statistics statistics;
    struct error error;
    void *sink;
    assert_int_equal(type->open(&options, &sink, &error), 0);
    struct message first = example_message("flow one", 8, 0), second = example_message("two", 3, 1);
    assert_int_equal(type->write(sink, &first, &error), 0);
    assert_int_equal(type->write(sink, &second, &error), 0);
    assert_int_equal(type->flush(sink, 0, true, &error), 0);
    type->statistics(sink, &statistics);
    assert_int_equal(statistics.acknowledged, 2);
    assert_int_equal(accounted(&statistics), 2);
    assert_int_equal(statistics.bytes, 11);
    assert_int_equal(statistics.checksum, crc32(0, (const Bytef *)"flow onetwo", 11));
    type->close(sink);
}

static void sinks_are_found_by_name(void **state) {
    (void)state;
    static const char *const names[] = {"kafka", "file", "null"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(sink_find(names[i])->name, names[i]);
    assert_null(sink_find("nil"));
}

static void drops_have_distinct_names(void **state) {
    (void)state;
    for (int i = 0; i < SINK_DROP_COUNT; i++) {
        assert_true(strlen(sink_drop_text((enum sink_drop)i)) > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(sink_drop_name((enum sink_drop)i), sink_drop_name((enum sink_drop)j));
    }
    assert_string_equal(sink_drop_name(SINK_DROP_too_large), "too_large");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_what_was_encoded_in_order),
        cmocka_unit_test(sinks_are_found_by_name),
        cmocka_unit_test(drops_have_distinct_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
