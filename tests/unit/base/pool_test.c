#include "base/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aborts.h"

static void objects_are_apart_and_aligned(void **state) {
    (void)state;
    enum { COUNT = 50000 };
    static unsigned char *objects[COUNT];
    struct pool *pool = pool_create(&(struct pool_options){.object_size = 41, .max_objects = COUNT});
    assert_non_null(pool);
    for (int i = 0; i < COUNT; i++) {
        objects[i] = pool_take(pool);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 8, 0);
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

static void memory_is_foretold(void **state) {
    (void)state;
    const struct pool_options options[] = {
        {.object_size = 1, .max_objects = 7},
        {.object_size = 900, .max_objects = 5000},
        {.object_size = 3u << 20, .max_objects = 3},
        {.object_size = 900, .max_objects = 5000, .preallocate = 5000},
        {.object_size = 900, .max_objects = 5000, .preallocate = 2000},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct pool *pool = pool_create(&options[i]);
        while (pool_take(pool) != NULL)
            ;
        size_t foretold = pool_memory_for(&options[i], options[i].max_objects);
        assert_true(pool_memory(pool) <= foretold);
        assert_in_range(foretold, 0, pool_memory(pool) + pool_memory(pool) / 100 + 4112);
        pool_destroy(pool);
    }
}

static void *back(void *pool) {
    atomic_bool stop = false;
    pool_back(pool, &stop);
    return NULL;
}

/* Real memory comes while objects are in use, and changes nothing in them. */
static void memory_comes_beside_its_use(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static uint64_t *objects[COUNT];
    pthread_t thread;
    atomic_bool stop = true;
    struct pool *pool =
        pool_create(&(struct pool_options){.object_size = 1000, .max_objects = COUNT, .preallocate = COUNT});
    pool_back(pool, &stop);
    assert_int_equal(pthread_create(&thread, NULL, back, pool), 0);
    for (uint64_t i = 0; i < COUNT; i++)
        *(objects[i] = pool_take(pool)) = i;
    pthread_join(thread, NULL);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(*objects[i], i);
    for (size_t i = 0; i < COUNT; i++)
        pool_give(pool, objects[i]);
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

static void *object_of_another;

static void give_what_was_never_taken(void *context) {
    pool_give(context, object_of_another);
}

/* AddressSanitizer's pool has each object from malloc(), which ends with another exit. */
static void give_twice(void *context) {
#ifdef __SANITIZE_ADDRESS__
    (void)context;
    abort();
#else
    void *object = pool_take(context);
    pool_give(context, object);
    pool_give(context, object);
#endif
}

static void destroy(void *context) {
    pool_destroy(context);
}

static void what_an_owner_must_never_do_stops_the_program(void **state) {
    (void)state;
    const struct pool_options options = {.object_size = 64, .max_objects = 2};
    struct pool *pool = pool_create(&options), *other = pool_create(&options);
    object_of_another = pool_take(other);
    assert_debug_aborts(give_what_was_never_taken, pool);
    assert_false(aborts(give_what_was_never_taken, other));
    pool_take(pool);
    assert_debug_aborts(give_twice, pool);
    static _Alignas(64) unsigned char zeros[512];
    assert_true(aborts(destroy, zeros));
    pool_give(other, object_of_another);
    pool_destroy(other);
    pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_apart_and_aligned),
        cmocka_unit_test(given_objects_come_again),
        cmocka_unit_test(memory_does_not_grow_with_use),
        cmocka_unit_test(memory_is_foretold),
        cmocka_unit_test(memory_comes_beside_its_use),
        cmocka_unit_test(odd_sizes_work),
        cmocka_unit_test(what_an_owner_must_never_do_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
