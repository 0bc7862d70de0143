#include "app/host/seccomp_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"

/* On both clone's flags are its first argument, and a word of an argument comes with its lower half first. */
#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

#define DATA(member)  ((uint32_t)offsetof(struct seccomp_data, member))
#define ARGUMENT(n)   ((uint32_t)(offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t)))
#define COUNT(array)  (sizeof(array) / sizeof *(array))
#define REFUSE(error) (SECCOMP_RET_ERRNO | ((uint32_t)(error)&SECCOMP_RET_DATA))

enum {
    X32_CALLS = 0x40000000,    /* in the numbers of x86-64's other interface, which nobody here uses */
    SOCKET_TYPE = 0xf,         /* of a socket's type, without its flags */
    NAME_MAPPING = 0x53564d41, /* PR_SET_VMA: newer C libraries name their memory */
};

enum call_phase { EVERY_PHASE, STARTING, LOOKING, NO_PHASE };

static const struct call {
    const char *name;
    int number;
    enum call_phase phase;
} calls[] = {
#define CALL(name)  {#name, __NR_##name, EVERY_PHASE},
#define START(name) {#name, __NR_##name, STARTING},
#define LOOK(name)  {#name, __NR_##name, LOOKING},
#define NAMED(name) {#name, __NR_##name, NO_PHASE},
#include "app/host/seccomp_calls.def"
};

const char *seccomp_call_name(int number) {
    for (size_t i = 0; i < COUNT(calls); i++)
        if (calls[i].number == number)
            return calls[i].name;
    return "";
}

struct writer {
    struct sock_filter *program;
    size_t length;
};

static void put(struct writer *writer, uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false) {
    CHECK(writer->length < SECCOMP_PROGRAM_MAX);
    writer->program[writer->length++] = (struct sock_filter){code, if_true, if_false, value};
}

static void load(struct writer *writer, uint32_t offset) {
    put(writer, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void give(struct writer *writer, uint32_t verdict) {
    put(writer, BPF_RET | BPF_K, verdict, 0, 0);
}

/* If what was loaded is the value, the verdict. */
static void give_if(struct writer *writer, uint32_t value, uint32_t verdict) {
    put(writer, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    give(writer, verdict);
}

/* The rules of one call follow, up to end_call(), which is the jump behind them. */
static size_t begin_call(struct writer *writer, int number) {
    load(writer, DATA(nr));
    put(writer, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 0);
    return writer->length - 1;
}

static void end_call(struct writer *writer, size_t jump) {
    CHECK(writer->length - jump - 1 <= UINT8_MAX);
    writer->program[jump].jf = (uint8_t)(writer->length - jump - 1);
}

/* Threads, but no processes. The C library falls back to clone() where there is no clone3(), whose flags can't be seen. */
static void allow_threads(struct writer *writer) {
    size_t call = begin_call(writer, __NR_clone);
    load(writer, ARGUMENT(0));
    put(writer, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
    give(writer, SECCOMP_RET_ALLOW);
    end_call(writer, call);
    call = begin_call(writer, __NR_clone3);
    give(writer, REFUSE(ENOSYS));
    end_call(writer, call);
}

static void allow_socket(struct writer *writer, uint32_t domain, uint32_t type) {
    load(writer, ARGUMENT(0));
    put(writer, BPF_JMP | BPF_JEQ | BPF_K, domain, 0, 4);
    load(writer, ARGUMENT(1));
    put(writer, BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE, 0, 0);
    give_if(writer, type, SECCOMP_RET_ALLOW);
}

/* TCP and UDP, local sockets (name services, the service manager), the kernel's news, and live, packets. Netlink has one kind
 * of socket under two names. */
static void allow_sockets(struct writer *writer, bool live) {
    static const uint32_t domains[] = {AF_INET, AF_INET6, AF_UNIX};
    size_t call = begin_call(writer, __NR_socket);
    for (size_t i = 0; i < COUNT(domains); i++) {
        allow_socket(writer, domains[i], SOCK_STREAM);
        allow_socket(writer, domains[i], SOCK_DGRAM);
    }
    load(writer, ARGUMENT(0));
    give_if(writer, AF_NETLINK, SECCOMP_RET_ALLOW);
    if (live)
        allow_socket(writer, AF_PACKET, SOCK_RAW);
    end_call(writer, call);
}

static void allow_first_argument(struct writer *writer, int number, const uint32_t *values, size_t count) {
    size_t call = begin_call(writer, number);
    load(writer, ARGUMENT(0));
    for (size_t i = 0; i < count; i++)
        give_if(writer, values[i], SECCOMP_RET_ALLOW);
    end_call(writer, call);
}

/* Any but those that put words into a terminal. */
static void allow_ioctl(struct writer *writer) {
    size_t call = begin_call(writer, __NR_ioctl);
    load(writer, ARGUMENT(1));
    give_if(writer, TIOCSTI, REFUSE(EPERM));
    give_if(writer, TIOCLINUX, REFUSE(EPERM));
    give(writer, SECCOMP_RET_ALLOW);
    end_call(writer, call);
}

static const uint32_t own_names[] = {PR_SET_NAME, NAME_MAPPING, PR_GET_DUMPABLE};
static const uint32_t own_rights[] = {PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_CAPBSET_READ,
                                      PR_CAPBSET_DROP,     PR_CAP_AMBIENT,      PR_GET_SECUREBITS,
                                      PR_GET_KEEPCAPS};
static const uint32_t own_limits[] = {0};

static void allow_by_argument(struct writer *writer, bool live) {
    const uint32_t self[] = {(uint32_t)getpid()};
    allow_threads(writer);
    allow_sockets(writer, live);
    allow_ioctl(writer);
    allow_first_argument(writer, __NR_prctl, own_names, COUNT(own_names));
    allow_first_argument(writer, __NR_prctl, own_rights, COUNT(own_rights));
    allow_first_argument(writer, __NR_prlimit64, own_limits, COUNT(own_limits));
    allow_first_argument(writer, __NR_tgkill, self, COUNT(self)); /* abort() */
}

size_t seccomp_filter_start(bool live, bool looks, uint32_t otherwise, struct sock_filter *program) {
    struct writer writer = {.program = program};
    if (ARCHITECTURE == 0)
        return 0;
    load(&writer, DATA(arch));
    put(&writer, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    give(&writer, SECCOMP_RET_KILL_PROCESS);
    load(&writer, DATA(nr));
    put(&writer, BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, 0, 1);
    give(&writer, SECCOMP_RET_KILL_PROCESS);
    for (size_t i = 0; i < COUNT(calls); i++)
        if (calls[i].phase != NO_PHASE && (calls[i].phase != LOOKING || looks))
            give_if(&writer, (uint32_t)calls[i].number, SECCOMP_RET_ALLOW);
    allow_by_argument(&writer, live);
    give(&writer, otherwise);
    return writer.length;
}

size_t seccomp_filter_run(uint32_t otherwise, struct sock_filter *program) {
    struct writer writer = {.program = program};
    if (ARCHITECTURE == 0)
        return 0;
    load(&writer, DATA(nr));
    for (size_t i = 0; i < COUNT(calls); i++)
        if (calls[i].phase == STARTING)
            give_if(&writer, (uint32_t)calls[i].number, otherwise);
    size_t call = begin_call(&writer, __NR_socket);
    load(&writer, ARGUMENT(0));
    give_if(&writer, AF_PACKET, otherwise);
    end_call(&writer, call);
    give(&writer, SECCOMP_RET_ALLOW);
    return writer.length;
}
