#include "meter/process/describe.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_SIZE = 64,
    FILE_SIZE = 8192,
    COMMAND_LENGTH = 15,       /* where the kernel cuts a process's name */
    FIELDS_TO_START_TIME = 20, /* in stat(5), behind the name */
};

/* Reads a file of the process; the length without the NUL that is put behind, 0 if it can't be read. */
static size_t read_proc_file(int proc, int32_t pid, const char *name, char *text, size_t size) {
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
    text[0] = '\0';
    int descriptor = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return 0;
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = read(descriptor, text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    close(descriptor);
    text[length] = '\0';
    return length;
}

/* Name and start time from /proc/PID/stat: "pid (name) state ...", where the name may have anything in it. */
static int read_stat(int proc, int32_t pid, struct process *process) {
    char text[FILE_SIZE];
    if (read_proc_file(proc, pid, "stat", text, sizeof(text)) == 0)
        return -1;
    char *begin = strchr(text, '('), *end = strrchr(text, ')');
    if (begin == NULL || end == NULL || end < begin)
        return -1;
    *end = '\0';
    snprintf(process->name, sizeof(process->name), "%s", begin + 1);
    const char *field = end + 1;
    for (int i = 0; i < FIELDS_TO_START_TIME && field != NULL; i++)
        field = strchr(field + 1, ' ');
    if (field == NULL)
        return -1;
    process->start_time = strtoull(field, NULL, 10);
    return 0;
}

static void read_executable(int proc, int32_t pid, char *path) {
    static const char deleted[] = " (deleted)";
    char link[PATH_SIZE];
    snprintf(link, sizeof(link), "%d/exe", (int)pid);
    ssize_t length = readlinkat(proc, link, path, PROCESS_PATH_SIZE);
    if (length < 0 || length >= PROCESS_PATH_SIZE)
        length = 0;
    path[length] = '\0';
    size_t suffix = sizeof(deleted) - 1;
    if ((size_t)length > suffix && strcmp(path + length - suffix, deleted) == 0)
        path[(size_t)length - suffix] = '\0';
}

/* A name that the kernel has cut is completed from the command line, as NFStream does (psutil). */
static void complete_name(int proc, int32_t pid, struct process *process) {
    char line[FILE_SIZE];
    if (strlen(process->name) < COMMAND_LENGTH)
        return;
    size_t length = read_proc_file(proc, pid, "cmdline", line, sizeof(line));
    if (strlen(line) + 1 >= length)
        line[strcspn(line, " ")] = '\0'; /* a title that the process has set itself */
    const char *slash = strrchr(line, '/');
    const char *base = slash != NULL ? slash + 1 : line;
    if (strncmp(base, process->name, strlen(process->name)) == 0)
        snprintf(process->name, sizeof(process->name), "%s", base);
}

static void read_user(int proc, int32_t pid, struct process *process) {
    char text[FILE_SIZE];
    process->user_id = -1;
    read_proc_file(proc, pid, "status", text, sizeof(text));
    const char *line = strstr(text, "\nUid:");
    if (line == NULL)
        return;
    char *effective; /* behind the real one */
    strtoul(line + strlen("\nUid:"), &effective, 10);
    process->user_id = (int64_t)strtoul(effective, NULL, 10);
}

/* The path of the unified hierarchy, or where that says nothing, of the first one that does (version 1). */
static void read_cgroup(int proc, int32_t pid, struct process *process) {
    char text[FILE_SIZE];
    read_proc_file(proc, pid, "cgroup", text, sizeof(text));
    process->cgroup[0] = '\0';
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        const char *colon = strchr(line, ':');
        const char *path = colon != NULL ? strchr(colon + 1, ':') : NULL;
        if (path == NULL || strlen(path + 1) >= sizeof(process->cgroup))
            continue;
        bool unified = strncmp(line, "0::", 3) == 0;
        bool better = process->cgroup[0] == '\0' || strcmp(process->cgroup, "/") == 0;
        if (better || (unified && strcmp(path + 1, "/") != 0))
            snprintf(process->cgroup, sizeof(process->cgroup), "%s", path + 1);
    }
}

void container_id_of(const char *cgroup, char container_id[PROCESS_CONTAINER_SIZE]) {
    container_id[0] = '\0';
    while (*cgroup != '\0') {
        size_t run = strspn(cgroup, "0123456789abcdef");
        if (run == PROCESS_CONTAINER_SIZE - 1) {
            memcpy(container_id, cgroup, run);
            container_id[run] = '\0';
        }
        cgroup += run > 0 ? run : 1;
    }
}

struct process *processes_find(struct processes *processes, int proc, int32_t pid) {
    struct process now = {.pid = pid};
    struct process **bucket = &processes->buckets[(uint32_t)pid % PROCESS_BUCKETS];
    if (read_stat(proc, pid, &now) < 0)
        return NULL;
    complete_name(proc, pid, &now);
    read_executable(proc, pid, now.executable);
    for (struct process *at = *bucket; at != NULL; at = at->next)
        if (at->pid == pid && at->start_time == now.start_time && strcmp(at->name, now.name) == 0 &&
            strcmp(at->executable, now.executable) == 0)
            return at;
    read_user(proc, pid, &now);
    read_cgroup(proc, pid, &now);
    container_id_of(now.cgroup, now.container_id);
    struct process *new = malloc(sizeof(*new));
    if (new == NULL)
        return NULL;
    *new = now;
    new->next = *bucket;
    *bucket = new;
    return new;
}

static void free_unreferenced(struct process **link, bool all) {
    while (*link != NULL) {
        struct process *at = *link;
        if (!all && atomic_load_explicit(&at->references, memory_order_acquire) != 0) {
            link = &at->next;
            continue;
        }
        *link = at->next;
        free(at);
    }
}

void processes_sweep(struct processes *processes) {
    for (size_t i = 0; i < PROCESS_BUCKETS; i++)
        free_unreferenced(&processes->buckets[i], false);
}

void processes_free(struct processes *processes) {
    for (size_t i = 0; i < PROCESS_BUCKETS; i++)
        free_unreferenced(&processes->buckets[i], true);
}
