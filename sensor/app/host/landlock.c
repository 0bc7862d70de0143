#include "app/host/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What later versions added; headers may be older than the kernel. */
enum {
    VERSION_TRUNCATE = 3,
    VERSION_NETWORK = 4,
    VERSION_SCOPES = 6,
};
#define RIGHT_REFER    (UINT64_C(1) << 13)
#define RIGHT_TRUNCATE (UINT64_C(1) << 14)
#define SCOPE_SIGNAL   (UINT64_C(1) << 1)

struct rules {
    uint64_t files, network, scopes;
};

/* Of a file that is there, and of a folder. */
#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)
#define FOLDER_RIGHTS                                                               \
    (FILE_RIGHTS | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_FIFO | RIGHT_REFER)
#define ALL_RIGHTS                                                               \
    (FOLDER_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static uint64_t known_rights(int version) {
    return ~(version < 2 ? RIGHT_REFER : 0) & ~(version < VERSION_TRUNCATE ? RIGHT_TRUNCATE : 0);
}

static size_t rules_size(int version) {
    return version < VERSION_NETWORK  ? sizeof(uint64_t)
           : version < VERSION_SCOPES ? 2 * sizeof(uint64_t)
                                      : sizeof(struct rules);
}

static void allow(int ruleset, const char *path, uint64_t rights, int version) {
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & known_rights(version),
                                              .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return;
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

/* The folder's parent, unless that is the root. Of one that isn't there the nearest one above it, which is to hold it. */
static void allow_folder(int ruleset, const char *folder, int version) {
    char path[PATH_MAX], real[PATH_MAX];
    if (strlen(folder) >= sizeof path)
        return;
    snprintf(path, sizeof path, "%s", folder);
    for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--)
        path[end - 1] = '\0';
    bool there = true;
    for (; !realpath(path, real); there = false) {
        if (errno != ENOENT || strcmp(path, ".") == 0 || strcmp(path, "/") == 0)
            return;
        char *slash = strrchr(path, '/');
        if (slash)
            *(slash == path ? slash + 1 : slash) = '\0';
        else
            snprintf(path, sizeof path, ".");
    }
    char *name = strrchr(real, '/');
    if (there && name != real)
        *name = '\0';
    allow(ruleset, real, FOLDER_RIGHTS, version);
}

/* A FIFO or a device is itself what is written. */
static void allow_place(int ruleset, const char *place, int version) {
    struct stat status;
    char path[PATH_MAX];
    size_t length = strlen(place);
    if (length == 0 || length >= sizeof path)
        return;
    memcpy(path, place, length + 1);
    if (place[length - 1] == '/')
        allow_folder(ruleset, path, version);
    else if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        allow(ruleset, path, FILE_RIGHTS, version);
    else
        allow_folder(ruleset, dirname(path), version);
}

int landlock_restrict_writing(const char *const *places, size_t count) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return -errno;
    const struct rules rules = {.files = ALL_RIGHTS & known_rights((int)version),
                                .scopes = version < VERSION_SCOPES ? 0 : SCOPE_SIGNAL};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, rules_size((int)version), 0);
    if (ruleset < 0)
        return -errno;
    for (size_t i = 0; i < count; i++)
        allow_place(ruleset, places[i], (int)version);
    allow(ruleset, "/dev/null", FILE_RIGHTS, (int)version);
    allow(ruleset, "/proc/self/task", LANDLOCK_ACCESS_FS_WRITE_FILE, (int)version); /* names of threads */
    int result =
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0
            ? (int)version
            : -errno;
    close(ruleset);
    return result;
}
