#include "base/cores.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where control groups are mounted, by convention (cgroups(7)); the controller of version 1 has two usual names. */
static const char version_2[] = "/sys/fs/cgroup";
static const char *const version_1[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};

static unsigned cores_by_affinity(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return UINT_MAX; /* more processors than the set holds */
    return (unsigned)CPU_COUNT(&set);
}

/* The first line of a small file, without its end; false if there is none. */
static bool read_first_line(const char *path, char *line, int size) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fgets(line, size, file) != NULL;
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return read;
}

static unsigned whole_cores(long long quota, long long period) {
    if (quota <= 0 || period <= 0)
        return UINT_MAX; /* no limit */
    return quota < period ? 1 : (unsigned)(quota / period);
}

/* "max 100000" or "250000 100000". */
static unsigned quota_2(const char *folder) {
    char path[PATH_MAX + NAME_MAX], line[64], *rest;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (!read_first_line(path, line, sizeof line))
        return UINT_MAX;
    long long quota = strtoll(line, &rest, 10);
    return rest == line ? UINT_MAX : whole_cores(quota, strtoll(rest, NULL, 10));
}

/* -1 or microseconds, each in a file of its own. */
static unsigned quota_1(const char *folder) {
    char path[PATH_MAX + NAME_MAX], quota[64], period[64];
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_first_line(path, quota, sizeof quota))
        return UINT_MAX;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!read_first_line(path, period, sizeof period))
        return UINT_MAX;
    return whole_cores(strtoll(quota, NULL, 10), strtoll(period, NULL, 10));
}

static unsigned cores_least(unsigned one, unsigned other) {
    return one < other ? one : other;
}

/* Every group from the process's own up to the mount point may limit it. */
static unsigned quota_along(const char *root, const char *mount, const char *group,
                            unsigned (*quota)(const char *folder)) {
    char folder[PATH_MAX];
    size_t top = (size_t)snprintf(folder, sizeof folder, "%s%s", root, mount);
    if (top + strlen(group) >= sizeof folder)
        return UINT_MAX;
    memcpy(folder + top, group, strlen(group) + 1);
    unsigned cores = UINT_MAX;
    for (;;) {
        cores = cores_least(cores, quota(folder));
        char *slash = strrchr(folder + top, '/');
        if (slash == NULL)
            return cores;
        *slash = '\0';
    }
}

/* Whether a line's second column, a list of controllers, has "cpu". */
static bool controls_cpu(const char *controllers, size_t length) {
    for (size_t at = 0; at < length; at += strcspn(controllers + at, ",:") + 1)
        if (strcspn(controllers + at, ",:") == 3 && memcmp(controllers + at, "cpu", 3) == 0)
            return true;
    return false;
}

/* A line of /proc/self/cgroup: HIERARCHY:CONTROLLERS:GROUP. */
static unsigned quota_of_line(const char *root, char *line) {
    line[strcspn(line, "\n")] = '\0';
    const char *controllers = strchr(line, ':');
    const char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (group == NULL)
        return UINT_MAX;
    controllers++;
    if (controllers == group)
        return quota_along(root, version_2, group + 1, quota_2);
    unsigned cores = UINT_MAX;
    if (controls_cpu(controllers, (size_t)(group - controllers)))
        for (size_t i = 0; i < sizeof version_1 / sizeof *version_1; i++)
            cores = cores_least(cores, quota_along(root, version_1[i], group + 1, quota_1));
    return cores;
}

static unsigned cores_by_quota(const char *root) {
    char path[PATH_MAX], line[PATH_MAX];
    unsigned cores = UINT_MAX;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *groups = fopen(path, "re");
    if (groups == NULL)
        return cores;
    while (fgets(line, sizeof line, groups) != NULL)
        cores = cores_least(cores, quota_of_line(root, line));
    fclose(groups);
    return cores;
}

unsigned cores_usable(const char *root) {
    unsigned cores = cores_least(cores_by_affinity(), cores_by_quota(root));
    return cores == UINT_MAX || cores == 0 ? 1 : cores;
}
