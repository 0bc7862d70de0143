/* A process that has packets and keys in memory leaves no core dump. */
#include "app/host/core_dumps.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "skip.h"

/* Whether a child that aborts in a folder of its own dumps core, with the limit as high as it may be. */
static bool dumps(bool dumpable) {
    int status;
    struct rlimit limit;
    char folder[SCRATCH_SIZE];
    assert_non_null(scratch_make(folder));
    getrlimit(RLIMIT_CORE, &limit);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        setrlimit(RLIMIT_CORE, &(struct rlimit){limit.rlim_max, limit.rlim_max});
        prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
        if (chdir(folder) == 0)
            abort();
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    scratch_remove(folder);
    return WCOREDUMP(status);
}

/* A dump into a program (kernel.core_pattern) isn't held by the limit, so it takes this. */
static void what_is_not_dumpable_leaves_none_whatever_the_limit(void **state) {
    (void)state;
    assert_false(dumps(false));
    if (!dumps(true))
        skip_because("this host dumps no core");
}

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
        cmocka_unit_test(what_is_not_dumpable_leaves_none_whatever_the_limit),
        cmocka_unit_test(no_core_is_left_and_nobody_reads_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
