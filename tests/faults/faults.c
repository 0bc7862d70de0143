/* A library to be preloaded: lets the n-th call of a kind fail that the program itself makes, and counts the calls.
 *
 * Of a unit test faults_fail() says which; of a program the environment. FAULTS_KIND: alloc, write, thread, wait, open;
 * FAULTS_AT: which call fails, 1 the first; FAULTS_ALL=1: all that follow fail too; FAULTS_CALLERS: part of the name of
 * a library whose calls are meant instead of the program's own; FAULTS_REPORT: a file to which is appended what failed,
 * and at the exit how many calls there were. What fails is what the manual pages say can fail, and leaves what they
 * leave undefined undefined. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { ALLOC, WRITE, THREAD, WAIT, OPEN, KINDS };
static const char *const kind_names[KINDS] = {"alloc", "write", "thread", "wait", "open"};

enum { RANGES_MAX = 16, ARENA_SIZE = 1 << 16, REPORTED = 10 };

static struct { uintptr_t from, to; } ranges[RANGES_MAX];
static size_t range_count;
static _Atomic unsigned long counts[KINDS];
static enum kind failing = KINDS;
static unsigned long failing_at;
static bool failing_all;
static int report = -1;
static char *const undefined = (char *)UINT64_C(0xdead0000beef);

/* Whose code makes the calls that count: executable segments of the program, or of the named library. */
static int find_ranges(struct dl_phdr_info *info, size_t size, void *context) {
    const char *name = context;
    bool wanted = name ? strstr(info->dlpi_name, name) != NULL : info->dlpi_name[0] == '\0';
    (void)size;
    for (int i = 0; wanted && i < info->dlpi_phnum && range_count < RANGES_MAX; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        ranges[range_count].from = info->dlpi_addr + segment->p_vaddr;
        ranges[range_count++].to = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
    }
    return name ? 0 : 1; /* the program is the first one */
}

static void say(const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (report >= 0 && next)
        (void)!next(report, line, (size_t)length);
}

static void choose(const char *kind) {
    failing = KINDS;
    for (int i = 0; kind && i < KINDS; i++)
        if (strcmp(kind_names[i], kind) == 0)
            failing = (enum kind)i;
}

/* For unit tests: from here on the n-th call of this kind fails; 0: none. Whether one did since it was asked for
 * last. */
bool faults_fail(const char *kind, unsigned long at);
bool faults_fail(const char *kind, unsigned long at) {
    bool struck = failing != KINDS && failing_at != 0 && atomic_load(&counts[failing]) >= failing_at;
    choose(kind);
    failing_at = at;
    if (failing != KINDS)
        atomic_store(&counts[failing], 0);
    return struck;
}

__attribute__((constructor)) static void begin(void) {
    const char *kind = getenv("FAULTS_KIND"), *at = getenv("FAULTS_AT"), *path = getenv("FAULTS_REPORT");
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    dl_iterate_phdr(find_ranges, getenv("FAULTS_CALLERS"));
    if (path)
        report = next(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    failing_at = at ? strtoul(at, NULL, 10) : 0;
    failing_all = getenv("FAULTS_ALL") != NULL;
    choose(kind);
}

__attribute__((destructor)) static void end(void) {
    for (int i = 0; i < KINDS; i++)
        say("%s %lu calls\n", kind_names[i], atomic_load(&counts[i]));
}

/* Whether this call fails. */
static bool fails(enum kind kind, const void *caller, const char *function) {
    bool counts_here = false;
    for (size_t i = 0; i < range_count; i++)
        counts_here |= (uintptr_t)caller >= ranges[i].from && (uintptr_t)caller < ranges[i].to;
    if (!counts_here)
        return false;
    unsigned long number = atomic_fetch_add(&counts[kind], 1) + 1;
    if (kind != failing || failing_at == 0 || (failing_all ? number < failing_at : number != failing_at))
        return false;
    if (number < failing_at + REPORTED)
        say("failed: %s %lu, %s called at 0x%lx\n", kind_names[kind], number, function,
            (unsigned long)((uintptr_t)caller - ranges[0].from));
    return true;
}

#define FAILS(kind) fails(kind, __builtin_return_address(0), __func__)
#define NEXT(result, name, ...)                     \
    static result (*next)(__VA_ARGS__);             \
    if (!next) {                                    \
        looking++;                                  \
        *(void **)(&next) = dlsym(RTLD_NEXT, name); \
        looking--;                                  \
    }

/* What the dynamic linker allocates while this thread asks it for the real functions; it never frees that. */
static _Thread_local int looking __attribute__((tls_model("initial-exec")));
static _Alignas(16) char arena[ARENA_SIZE];
static _Atomic size_t arena_used;

static void *from_arena(size_t size) {
    size_t at = atomic_fetch_add(&arena_used, (size + 15) & ~(size_t)15);
    return at + size <= sizeof arena ? arena + at : NULL;
}

void *malloc(size_t size) {
    if (looking > 0)
        return from_arena(size);
    NEXT(void *, "malloc", size_t)
    if (!FAILS(ALLOC))
        return next(size);
    errno = ENOMEM;
    return NULL;
}

void *calloc(size_t count, size_t size) {
    if (looking > 0)
        return from_arena(count * size);
    NEXT(void *, "calloc", size_t, size_t)
    if (!FAILS(ALLOC))
        return next(count, size);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *old, size_t size) {
    NEXT(void *, "realloc", void *, size_t)
    if (!FAILS(ALLOC))
        return next(old, size);
    errno = ENOMEM;
    return NULL;
}

void *reallocarray(void *old, size_t count, size_t size) {
    NEXT(void *, "reallocarray", void *, size_t, size_t)
    if (!FAILS(ALLOC))
        return next(old, count, size);
    errno = ENOMEM;
    return NULL;
}

void *aligned_alloc(size_t alignment, size_t size) {
    NEXT(void *, "aligned_alloc", size_t, size_t)
    if (!FAILS(ALLOC))
        return next(alignment, size);
    errno = ENOMEM;
    return NULL;
}

char *strdup(const char *text) {
    NEXT(char *, "strdup", const char *)
    if (!FAILS(ALLOC))
        return next(text);
    errno = ENOMEM;
    return NULL;
}

char *strndup(const char *text, size_t size) {
    NEXT(char *, "strndup", const char *, size_t)
    if (!FAILS(ALLOC))
        return next(text, size);
    errno = ENOMEM;
    return NULL;
}

#define FORMATTED(first)                                   \
    NEXT(int, "vasprintf", char **, const char *, va_list) \
    if (FAILS(ALLOC)) {                                    \
        *text = undefined;                                 \
        errno = ENOMEM;                                    \
        return -1;                                         \
    }                                                      \
    va_list arguments;                                     \
    va_start(arguments, first);                            \
    int length = next(text, format, arguments);            \
    va_end(arguments);                                     \
    return length;

int asprintf(char **text, const char *format, ...) {
    FORMATTED(format)
}

int __asprintf_chk(char **text, int flag, const char *format, ...);
int __asprintf_chk(char **text, int flag, const char *format, ...) {
    (void)flag;
    FORMATTED(format)
}

int vasprintf(char **text, const char *format, va_list arguments) {
    NEXT(int, "vasprintf", char **, const char *, va_list)
    if (!FAILS(ALLOC))
        return next(text, format, arguments);
    *text = undefined;
    errno = ENOMEM;
    return -1;
}

int __vasprintf_chk(char **text, int flag, const char *format, va_list arguments);
int __vasprintf_chk(char **text, int flag, const char *format, va_list arguments) {
    NEXT(int, "vasprintf", char **, const char *, va_list)
    (void)flag;
    if (!FAILS(ALLOC))
        return next(text, format, arguments);
    *text = undefined;
    errno = ENOMEM;
    return -1;
}

FILE *open_memstream(char **text, size_t *size) {
    NEXT(FILE *, "open_memstream", char **, size_t *)
    if (!FAILS(ALLOC))
        return next(text, size);
    errno = ENOMEM;
    return NULL;
}

FILE *fmemopen(void *memory, size_t size, const char *mode) {
    NEXT(FILE *, "fmemopen", void *, size_t, const char *)
    if (!FAILS(ALLOC))
        return next(memory, size, mode);
    errno = ENOMEM;
    return NULL;
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    NEXT(void *, "mmap", void *, size_t, int, int, int, off_t)
    if (!FAILS(ALLOC))
        return next(address, length, protection, flags, descriptor, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

/* Standard error is how the program tells of it. */
ssize_t write(int descriptor, const void *data, size_t size) {
    NEXT(ssize_t, "write", int, const void *, size_t)
    if (descriptor == STDERR_FILENO || !FAILS(WRITE))
        return next(descriptor, data, size);
    errno = ENOSPC;
    return -1;
}

int ftruncate(int descriptor, off_t length) {
    NEXT(int, "ftruncate", int, off_t)
    if (!FAILS(WRITE))
        return next(descriptor, length);
    errno = EIO;
    return -1;
}

int rename(const char *from, const char *to) {
    NEXT(int, "rename", const char *, const char *)
    if (!FAILS(WRITE))
        return next(from, to);
    errno = EIO;
    return -1;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                   void *context) {
    NEXT(int, "pthread_create", pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
    return FAILS(THREAD) ? EAGAIN : next(thread, attributes, routine, context);
}

int epoll_create1(int flags) {
    NEXT(int, "epoll_create1", int)
    if (!FAILS(WAIT))
        return next(flags);
    errno = EMFILE;
    return -1;
}

int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event) {
    NEXT(int, "epoll_ctl", int, int, int, struct epoll_event *)
    if (!FAILS(WAIT))
        return next(epoll, operation, descriptor, event);
    errno = ENOMEM;
    return -1;
}

int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout) {
    NEXT(int, "epoll_wait", int, struct epoll_event *, int, int)
    if (!FAILS(WAIT))
        return next(epoll, events, count, timeout);
    errno = EINTR;
    return -1;
}

int poll(struct pollfd *descriptors, nfds_t count, int timeout) {
    NEXT(int, "poll", struct pollfd *, nfds_t, int)
    if (!FAILS(WAIT))
        return next(descriptors, count, timeout);
    errno = ENOMEM;
    return -1;
}

#define NO_DESCRIPTOR(result) \
    do {                      \
        errno = EMFILE;       \
        return result;        \
    } while (0)

int open(const char *path, int flags, ...) {
    va_list arguments;
    NEXT(int, "open", const char *, int, ...)
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (!FAILS(OPEN))
        return next(path, flags, mode);
    NO_DESCRIPTOR(-1);
}

int openat(int folder, const char *path, int flags, ...) {
    va_list arguments;
    NEXT(int, "openat", int, const char *, int, ...)
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (!FAILS(OPEN))
        return next(folder, path, flags, mode);
    NO_DESCRIPTOR(-1);
}

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags) {
    NEXT(int, "open", const char *, int, ...)
    if (!FAILS(OPEN))
        return next(path, flags);
    NO_DESCRIPTOR(-1);
}

FILE *fopen(const char *path, const char *mode) {
    NEXT(FILE *, "fopen", const char *, const char *)
    if (!FAILS(OPEN))
        return next(path, mode);
    NO_DESCRIPTOR(NULL);
}

DIR *opendir(const char *path) {
    NEXT(DIR *, "opendir", const char *)
    if (!FAILS(OPEN))
        return next(path);
    NO_DESCRIPTOR(NULL);
}

int socket(int family, int type, int protocol) {
    NEXT(int, "socket", int, int, int)
    if (!FAILS(OPEN))
        return next(family, type, protocol);
    NO_DESCRIPTOR(-1);
}
