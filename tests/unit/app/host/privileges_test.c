/* Each test gives something up, which can't be taken back: it does so in a child. */
#include "app/host/privileges.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "skip.h"

#include <linux/capability.h>

enum { NOBODY = 65534 };

/* A set of this thread, or its no_new_privs. */
static uint64_t status_of(const char *name) {
    char text[8192] = "";
    int file = open("/proc/thread-self/status", O_RDONLY);
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    const char *found = length > 0 ? strstr(text, name) : NULL;
    return found ? strtoull(found + strlen(name) + 1, NULL, 16) : UINT64_MAX;
}

/* Whether `check` holds in a child of its own. */
static void holds(bool (*check)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(check() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool only(uint64_t kept) {
    return (status_of("CapPrm:") & ~kept) == 0 && (status_of("CapEff:") & ~kept) == 0 &&
           status_of("CapInh:") == 0 && status_of("CapAmb:") == 0 && status_of("NoNewPrivs:") == 1;
}

static bool roots_keep_files_alone(void) {
    uint64_t bounding = geteuid() == 0 ? 0 : status_of("CapBnd:");
    privileges_drop();
    return only(geteuid() == 0 ? UINT64_C(1) << CAP_DAC_OVERRIDE : 0) && status_of("CapBnd:") == bounding;
}

static bool others_keep_nothing(void) {
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return false;
    privileges_raise(true);
    privileges_drop();
    return only(0);
}

static bool the_look_for_processes_keeps_its_own(void) {
    uint64_t before = status_of("CapPrm:");
    privileges_keep_visibility();
    uint64_t own = UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_SYS_ADMIN;
    return (status_of("CapEff:") & own) == (before & own) &&
           (status_of("CapPrm:") & UINT64_C(1) << CAP_NET_RAW) == 0 && status_of("NoNewPrivs:") == 1;
}

static bool a_remedy_is_one_line(void) {
    const char *remedy = privileges_remedy();
    return remedy != NULL && strchr(remedy, '\n') == NULL && strlen(remedy) > 20;
}

static void rights_are_given_up(void **state) {
    (void)state;
    holds(roots_keep_files_alone);
    holds(others_keep_nothing);
    holds(the_look_for_processes_keeps_its_own);
}

static void a_remedy_is_told(void **state) {
    (void)state;
    holds(a_remedy_is_one_line);
    if (geteuid() != 0)
        skip_because("the capabilities of the remedy are root's");
    privileges_raise(false);
    assert_non_null(strstr(privileges_remedy(), "this network namespace"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_are_given_up),
        cmocka_unit_test(a_remedy_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
