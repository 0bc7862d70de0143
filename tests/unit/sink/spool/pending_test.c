/* The buffer against a model: records of random sizes go in, are written, synced or written again, and come out as they
 * were. */
#include "sink/spool/pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "sink/spool/segment.h"

enum { SIZE = 1000, STEPS = 20000 };

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

static size_t size_of(uint64_t position) {
    return SEGMENT_RECORD_MIN + position * 37 % 400;
}

static bool put(struct pending *pending) {
    uint64_t position = pending->end;
    size_t size = size_of(position);
    uint8_t *place = pending_reserve(pending, size);
    if (!place)
        return false;
    memset(place, (int)position, size);
    bytes_put_little_u32(place, (uint32_t)size - 8);
    pending_append(pending, size, position % 3 == 0, 5);
    return true;
}

/* Up to so many records are as they were put. */
static void write_some(struct pending *pending, uint32_t records) {
    uint64_t at = pending->written, position = pending->written_end, bytes = 0;
    const uint8_t *record;
    for (; records > 0 && (record = pending_record(pending, &at, pending->appended)); records--) {
        size_t size = segment_record_whole_size(record);
        assert_int_equal(size, size_of(position));
        assert_int_equal(record[size - 1], position & 0xff);
        at += size;
        bytes += size;
        position++;
    }
    pending_written(pending, at, position, bytes, 6);
}

static void records_come_out_as_they_went_in(void **state) {
    (void)state;
    struct pending pending;
    uint64_t refused = 0;
    assert_int_equal(pending_create(&pending, SIZE, 100), 0);
    for (int step = 0; step < STEPS; step++) {
        switch (random_below(8)) {
        case 0: pending_synced(&pending, 7); break;
        case 1: pending_rewind(&pending); break;
        case 2:
        case 3: write_some(&pending, random_below(4)); break;
        default: refused += !put(&pending);
        }
        uint64_t settled = 0;
        for (uint64_t position = pending.synced_end; position < pending.end; position++)
            settled += position % 3 == 0;
        assert_int_equal(pending_count_settled(&pending, pending.synced_end, pending.end), settled);
        assert_true(pending.appended - pending.synced <= SIZE);
    }
    write_some(&pending, UINT32_MAX);
    assert_int_equal(pending.written_end, pending.end);
    assert_int_equal(pending.unwritten, 0);
    assert_true(pending.end > 1000 && refused > 1000);
    pending_free(&pending);
}

static void the_largest_record_fits_where_there_is_no_other(void **state) {
    (void)state;
    struct pending pending;
    assert_int_equal(pending_create(&pending, SIZE, 1), 0);
    for (int i = 0; i < 10; i++) {
        size_t size = pending_record_max(&pending);
        uint8_t *place = pending_reserve(&pending, size);
        assert_non_null(place);
        bytes_put_little_u32(place, (uint32_t)size - 8);
        pending_append(&pending, size, false, 1);
        pending_written(&pending, pending.appended, pending.end, size, 1);
        pending_synced(&pending, 1);
    }
    pending_free(&pending);
}

static void a_settled_record_is_counted_once(void **state) {
    (void)state;
    struct pending pending;
    assert_int_equal(pending_create(&pending, SIZE, 3), 0);
    assert_true(put(&pending) && put(&pending)); /* 3, which is settled, and 4 */
    pending_settle(&pending, 4);
    pending_settle(&pending, 4);
    assert_int_equal(pending_count_settled(&pending, 3, 5), 2);
    pending_free(&pending);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_as_they_went_in),
        cmocka_unit_test(the_largest_record_fits_where_there_is_no_other),
        cmocka_unit_test(a_settled_record_is_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
