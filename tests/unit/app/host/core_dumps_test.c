/* A process that has packets in clear leaves no core dump. */
#include "app/host/core_dumps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cmocka.h>

static void no_core_is_left_and_nobody_reads_the_memory(void **state) {
    (void)state;
    struct rlimit limit;
    assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
    assert_int_equal(core_dumps_forbid(NULL), 0);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    getrlimit(RLIMIT_CORE, &limit);
    assert_true(limit.rlim_cur == 0 && limit.rlim_max == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_core_is_left_and_nobody_reads_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
