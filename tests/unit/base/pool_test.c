#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void objects_are_apart_and_aligned(void **state) {
    (void)state;
    enum { COUNT = 50000 };
    static unsigned char *objects[COUNT];
    struct pool *pool = pool_create(&(struct pool_options){.object_size = 41, .max_objects = COUNT});
    assert_non_null(pool);
    for (int i = 0; i < COUNT; i++) {
        objects[i] = pool_take(pool);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        memset(objects[i], i & 0xff, 41);
    }
    assert_int_equal(pool_in_use(pool), COUNT);
    assert_null(pool_take(pool));
    for (int i = 0; i < COUNT; i++)
        assert_true(objects[i][0] == (i & 0xff) && objects[i][40] == (i & 0xff));
    assert_true(pool_memory(pool) >= (size_t)COUNT * 41);
    pool_destroy(pool);
}

static void given_objects_come_again(void **state) {
    (void)state;
    struct pool *pool = pool_create(&(struct pool_options){.object_size = 64, .max_objects = 2});
    void *one = pool_take(pool);
    assert_non_null(pool_take(pool));
    assert_null(pool_take(pool));
    pool_give(pool, one);
    assert_int_equal(pool_in_use(pool), 1);
    assert_non_null(pool_take(pool));
    assert_null(pool_take(pool));
    assert_int_equal(pool_in_use(pool), 2);
    pool_destroy(pool);
}

static void memory_does_not_grow_with_use(void **state) {
    (void)state;
    struct pool *pool =
        pool_create(&(struct pool_options){.object_size = 1000, .max_objects = 5000, .preallocate = 5000});
    assert_non_null(pool);
    size_t before = pool_memory(pool);
    for (int round = 0; round < 3; round++) {
        static void *objects[5000];
        for (int i = 0; i < 5000; i++)
            assert_non_null(objects[i] = pool_take(pool));
        for (int i = 0; i < 5000; i++)
            pool_give(pool, objects[i]);
    }
    assert_int_equal(pool_memory(pool), before);
    assert_int_equal(pool_in_use(pool), 0);
    pool_destroy(pool);
}

static void odd_sizes_work(void **state) {
    (void)state;
    struct pool *large = pool_create(&(struct pool_options){.object_size = 3u << 20, .max_objects = 2});
    struct pool *none =
        pool_create(&(struct pool_options){.object_size = 8, .max_objects = 0, .preallocate = 9});
    memset(pool_take(large), 1, 3u << 20);
    memset(pool_take(large), 2, 3u << 20);
    assert_null(pool_take(large));
    assert_null(pool_take(none));
    pool_give(none, NULL);
    assert_int_equal(pool_in_use(none), 0);
    assert_null(pool_create(&(struct pool_options){.object_size = SIZE_MAX, .max_objects = 1}));
    pool_destroy(large);
    pool_destroy(none);
    pool_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_apart_and_aligned),
        cmocka_unit_test(given_objects_come_again),
        cmocka_unit_test(memory_does_not_grow_with_use),
        cmocka_unit_test(odd_sizes_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
