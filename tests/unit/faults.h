/* Lets the n-th allocation that the test program itself makes fail (tests/faults, which ctest preloads), and looks
 * whether something stays behind. Include it once. */
#pragma once

#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Runs it until no allocation is left that could fail. An attempt frees what it made; 0, or what it failed with.
 * Whatever fails, it ends by itself and leaves nothing. */
static void each_allocation_fails(int (*attempt)(void)) {
    bool (*let_fail)(const char *kind, unsigned long at) = NULL;
    *(void **)&let_fail = dlsym(RTLD_DEFAULT, "faults_fail");
    if (!let_fail)
        fail_msg("run it by ctest, which preloads tests/faults");
    assert_int_equal(attempt(), 0); /* what is made once and kept is there then */
    bool struck = true;
    for (unsigned long number = 1; struck; number++) {
        size_t used = mallinfo2().uordblks;
        let_fail("alloc", number);
        int result = attempt();
        struck = let_fail("alloc", 0);
        if (mallinfo2().uordblks != used)
            fail_msg("allocation %lu fails: %zu bytes before, %zu after", number, used, mallinfo2().uordblks);
        if (!struck)
            assert_int_equal(result, 0);
        if (number == 1)
            assert_true(struck);
    }
}
