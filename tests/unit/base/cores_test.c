#include "base/cores.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "scratch.h"

static char root[SCRATCH_SIZE];

/* Makes the folders of a path and then the file. */
static void write_file(const char *path, const char *content) {
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static int make_root(void **state) {
    (void)state;
    return scratch_make(root) ? 0 : -1;
}

static int remove_root(void **state) {
    (void)state;
    return scratch_remove(root);
}

static unsigned affinity(void) {
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    return (unsigned)CPU_COUNT(&set);
}

static unsigned least(unsigned one, unsigned other) {
    return one < other ? one : other;
}

static void without_groups_affinity_decides(void **state) {
    (void)state;
    assert_int_equal(cores_usable(root), affinity());
}

static void affinity_limits(void **state) {
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &before))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    unsigned usable = cores_usable(root);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(usable, 1);
}

static void version_2_limits_at_every_level(void **state) {
    (void)state;
    write_file("/proc/self/cgroup", "0::/kube/pod/main\n");
    write_file("/sys/fs/cgroup/kube/pod/main/cpu.max", "max 100000\n");
    assert_int_equal(cores_usable(root), affinity());
    write_file("/sys/fs/cgroup/kube/pod/cpu.max", "150000 100000\n");
    assert_int_equal(cores_usable(root), 1);
    write_file("/sys/fs/cgroup/kube/pod/cpu.max", "250000 100000\n");
    assert_int_equal(cores_usable(root), least(2, affinity()));
    write_file("/sys/fs/cgroup/kube/pod/main/cpu.max", "20000 100000\n");
    assert_int_equal(cores_usable(root), 1);
}

/* What a container sees whose groups are not a namespace of their own: a path that is not there. */
static void a_group_out_of_sight_leaves_the_mount_point(void **state) {
    (void)state;
    write_file("/proc/self/cgroup", "0::/somewhere/else\n");
    write_file("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    assert_int_equal(cores_usable(root), 1);
}

static void version_1_limits_too(void **state) {
    (void)state;
    write_file("/proc/self/cgroup", "5:memory:/box\n4:cpu,cpuacct:/box\n1:name=systemd:/\n");
    write_file("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "100000\n");
    write_file("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cores_usable(root), 1);
    write_file("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(cores_usable(root), affinity());
}

static void nonsense_is_no_limit(void **state) {
    (void)state;
    write_file("/proc/self/cgroup", "nonsense\n::\n0::/a\n");
    write_file("/sys/fs/cgroup/a/cpu.max", "\n");
    assert_int_equal(cores_usable(root), affinity());
    write_file("/sys/fs/cgroup/a/cpu.max", "100000 0\n");
    assert_int_equal(cores_usable(root), affinity());
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ROOT(without_groups_affinity_decides),
        WITH_ROOT(affinity_limits),
        WITH_ROOT(version_2_limits_at_every_level),
        WITH_ROOT(a_group_out_of_sight_leaves_the_mount_point),
        WITH_ROOT(version_1_limits_too),
        WITH_ROOT(nonsense_is_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
