#include "app/host/process_facts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { MICROSECONDS = 1000000, START_FIELD = 22 /* of /proc/PID/stat, see proc(5) */ };

/* The text of a small file, up to `size` - 1 bytes. */
static void read_text(const char *path, char *text, size_t size) {
    size_t length = 0;
    FILE *file = fopen(path, "re");
    if (file) {
        length = fread(text, 1, size - 1, file);
        fclose(file);
    }
    text[length] = '\0';
}

/* Pages: all, those in RAM. */
static void read_memory(struct process_facts *facts) {
    char text[128];
    char *end = text;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    read_text("/proc/self/statm", text, sizeof text);
    facts->virtual_memory = strtoull(text, &end, 10) * page;
    facts->resident_memory = strtoull(end, NULL, 10) * page;
}

/* The second field, the program's name, may hold spaces and brackets; it ends with the last bracket. */
static uint64_t start_ticks(void) {
    char text[1024];
    read_text("/proc/self/stat", text, sizeof text);
    const char *field = strrchr(text, ')');
    for (int number = 2; field && number < START_FIELD; number++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field, NULL, 10) : 0;
}

/* Both clocks go on while the host sleeps, so that their difference is its boot. */
static int64_t start_time(void) {
    struct timespec up;
    clock_gettime(CLOCK_BOOTTIME, &up);
    int64_t boot = clock_realtime() - ((int64_t)up.tv_sec * MICROSECONDS + up.tv_nsec / 1000);
    return boot + (int64_t)(start_ticks() * MICROSECONDS / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t count_open_files(void) {
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count - 1; /* the folder's own */
}

void process_facts_read(struct process_facts *facts) {
    static int64_t started; /* computed once, so that it stays the same when the host's clock is set */
    struct rusage usage = {0};
    struct rlimit files = {0};
    if (started == 0)
        started = start_time();
    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &files);
    facts->cpu_time = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * MICROSECONDS +
                      usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    facts->start_time = started;
    facts->max_files = files.rlim_cur;
    facts->open_files = count_open_files();
    read_memory(facts);
}
