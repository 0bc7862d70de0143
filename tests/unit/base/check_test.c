#include "base/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { THING_MAGIC = 0x5ec7a11e };

struct thing {
    uint32_t magic;
    int value;
};

static void check_nothing(void) {
    CHECK(1 + 1 == 2);
    DEBUG_CHECK(1 + 1 == 2);
}

static void check_falsehood(void) {
    CHECK(1 + 1 == 3);
}

static void debug_check_falsehood(void) {
    DEBUG_CHECK(1 + 1 == 3);
}

static void check_null(void) {
    struct thing *thing = NULL;
    CHECK(IS_VALID(thing, THING_MAGIC));
}

static void check_cleared(void) {
    struct thing thing = {.magic = THING_MAGIC};
    CHECK(IS_VALID(&thing, THING_MAGIC));
    MAGIC_CLEAR(&thing);
    CHECK(IS_VALID(&thing, THING_MAGIC));
}

static char written[4096];

/* Runs the call in a child. The child's standard error is in `written`; returns how the child ended, as waitpid() says. */
static int run_in_child(void (*call)(void)) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(ends[1], STDERR_FILENO);
        call();
        _exit(0);
    }
    close(ends[1]);
    FILE *stream = fdopen(ends[0], "r");
    assert_non_null(stream);
    written[fread(written, 1, sizeof written - 1, stream)] = '\0';
    fclose(stream);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool is_aborted(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void what_is_true_changes_nothing(void **state) {
    (void)state;
    assert_int_equal(run_in_child(check_nothing), 0);
    assert_string_equal(written, "");
}

static void what_is_not_true_ends_the_program_and_names_the_place(void **state) {
    (void)state;
    assert_true(is_aborted(run_in_child(check_falsehood)));
    assert_non_null(strstr(written, "flowsensor: error: "));
    assert_non_null(strstr(written, "check_test.c:"));
    assert_non_null(strstr(written, "check_falsehood(): not true: 1 + 1 == 3;"));
}

static void debug_checks_are_in_debug_builds_only(void **state) {
    (void)state;
    int status = run_in_child(debug_check_falsehood);
#ifdef FLOWSENSOR_CHECKS
    assert_true(is_aborted(status));
#else
    assert_int_equal(status, 0);
#endif
}

static void a_debug_check_is_evaluated_in_debug_builds_only(void **state) {
    (void)state;
    int count = 0;
    DEBUG_CHECK(++count > 0);
#ifdef FLOWSENSOR_CHECKS
    assert_int_equal(count, 1);
#else
    assert_int_equal(count, 0);
#endif
}

static void an_object_without_its_magic_number_is_seen(void **state) {
    (void)state;
    assert_true(is_aborted(run_in_child(check_null)));
    assert_true(is_aborted(run_in_child(check_cleared)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_true_changes_nothing),
        cmocka_unit_test(what_is_not_true_ends_the_program_and_names_the_place),
        cmocka_unit_test(debug_checks_are_in_debug_builds_only),
        cmocka_unit_test(a_debug_check_is_evaluated_in_debug_builds_only),
        cmocka_unit_test(an_object_without_its_magic_number_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
