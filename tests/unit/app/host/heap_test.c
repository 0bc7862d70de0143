/* What a thread frees in large blocks it gets again without asking the kernel. */
#include "app/host/heap.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

enum { BATCHES = 50, PAGE = 4096 };

/* As librdkafka allocates them: the records of five requests under way, what compresses a batch, and the result. */
static const size_t blocks[] = {1100000, 1100000, 1100000, 1100000, 1100000, 900000, 1000000};
enum { BLOCKS = sizeof blocks / sizeof *blocks };

static void *compress_batches(void *context) {
    (void)context;
    for (int i = 0; i < BATCHES; i++) {
        void *all[BLOCKS];
        for (size_t block = 0; block < BLOCKS; block++) {
            all[block] = malloc(blocks[block]);
            assert_non_null(all[block]);
            memset(all[block], i, blocks[block]);
        }
        for (size_t block = 0; block < BLOCKS; block++)
            free(all[block]);
    }
    return NULL;
}

static long faults_of_batches(void) {
    struct rusage before, after;
    pthread_t thread;
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(pthread_create(&thread, NULL, compress_batches, NULL), 0);
    pthread_join(thread, NULL);
    getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
}

static void batches_take_their_pages_once(void **state) {
    (void)state;
    heap_keep_freed();
    long faults = faults_of_batches(), pages = 0;
    for (size_t block = 0; block < BLOCKS; block++)
        pages += (long)(blocks[block] / PAGE) + 1;
    assert_in_range(faults, 1, 2 * pages);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_take_their_pages_once),
    };
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    (void)tests; /* their allocators are others */
    return 0;
#else
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
