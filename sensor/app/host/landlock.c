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

/* The folder, or of one that isn't there the nearest one above it, which is to hold it. */
static bool find_folder(const char *folder, char real[PATH_MAX], bool *there) {
    char path[PATH_MAX];
    if (strlen(folder) >= sizeof path)
        return false;
    snprintf(path, sizeof path, "%s", folder);
    for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--)
        path[end - 1] = '\0';
    *there = true;
    for (; !realpath(path, real); *there = false) {
        if (errno != ENOENT || strcmp(path, ".") == 0 || strcmp(path, "/") == 0)
            return false;
        char *slash = strrchr(path, '/');
        if (slash)
            *(slash == path ? slash + 1 : slash) = '\0';
        else
            snprintf(path, sizeof path, ".");
    }
    return true;
}

/* Where a place is written. A FIFO or a device is itself what is written; of a file it is the folder, and of a folder the folder
 * itself. */
static bool find_place(const char *place, char real[PATH_MAX], bool *is_folder, bool *there) {
    struct stat status;
    char path[PATH_MAX];
    size_t length = strlen(place);
    if (length == 0 || length >= sizeof path)
        return false;
    memcpy(path, place, length + 1);
    bool names_folder = path[length - 1] == '/';
    *is_folder = names_folder || stat(path, &status) < 0 || S_ISREG(status.st_mode);
    if (*is_folder)
        return find_folder(names_folder ? path : dirname(path), real, there);
    return realpath(path, real) != NULL;
}

/* What may be written for the sake of a place: of a folder that is there its parent, unless that is the root. */
static bool find_allowed(const char *place, char real[PATH_MAX], bool *is_folder) {
    bool there = false;
    if (!find_place(place, real, is_folder, &there))
        return false;
    char *name = strrchr(real, '/');
    if (*is_folder && there && name != real)
        *name = '\0';
    return true;
}

static void allow_place(int ruleset, const char *place, int version) {
    char real[PATH_MAX];
    bool is_folder;
    if (find_allowed(place, real, &is_folder))
        allow(ruleset, real, is_folder ? FOLDER_RIGHTS : FILE_RIGHTS, version);
}

static bool lies_below(const char *path, const char *folder) {
    size_t length = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool landlock_covers(const char *const *places, size_t count, const char *place) {
    char wanted[PATH_MAX], real[PATH_MAX];
    bool is_folder, there;
    if (!find_place(place, wanted, &is_folder, &there))
        return false;
    for (size_t i = 0; i < count; i++)
        if (find_allowed(places[i], real, &is_folder) && lies_below(wanted, real))
            return true;
    return false;
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
