/* Lets the n-th call of a kind (tests/faults, which ctest preloads) fail that the test program itself makes, and looks
 * whether something stays behind. Include it once. */
#pragma once

#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

typedef bool faults_fail_call(const char *kind, unsigned long at);

static inline faults_fail_call *find_faults(void) {
    faults_fail_call *let_fail = NULL;
    *(void **)&let_fail = dlsym(RTLD_DEFAULT, "faults_fail");
    if (!let_fail)
        fail_msg("run it by ctest, which preloads tests/faults");
    return let_fail;
}

/* Runs it until no call of this kind is left that could fail. An attempt frees what it made; 0, or what it failed with.
 * Whatever fails, it ends by itself and leaves nothing. */
static inline void each_call_fails(const char *kind, int (*attempt)(void)) {
    faults_fail_call *let_fail = find_faults();
    assert_int_equal(attempt(), 0); /* what is made once and kept is there then */
    bool struck = true;
    for (unsigned long number = 1; struck; number++) {
        size_t used = mallinfo2().uordblks;
        let_fail(kind, number);
        int result = attempt();
        struck = let_fail(kind, 0);
        if (mallinfo2().uordblks != used)
            fail_msg("%s %lu fails: %zu bytes before, %zu after", kind, number, used, mallinfo2().uordblks);
        if (!struck)
            assert_int_equal(result, 0);
        if (number == 1)
            assert_true(struck);
    }
}

static inline void each_allocation_fails(int (*attempt)(void)) {
    each_call_fails("alloc", attempt);
}
