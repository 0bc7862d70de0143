/* Which process of this host is at an end of a flow (NFStream's system visibility). One thread of its own looks at the
 * sockets of all network namespaces, at intervals and when a flow begins; meters ask it and collect the answer later. It
 * needs Linux, the host's process namespace, SYS_PTRACE for processes of other users and SYS_ADMIN for other network
 * namespaces; without these it knows less and says so once.
 *
 * A wrong process is worse than none: what may have been another's socket has no answer. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    PROCESS_NAME_SIZE = 256,
    PROCESS_PATH_SIZE = 1024, /* a longer path is unknown */
    PROCESS_CONTAINER_SIZE = 65,
};

/* What is known of a local process: read once, when one of its sockets was resolved. Records are shared by all flows of
 * the process and counted; the service's thread makes and frees them, other threads read and give their count back.
 * Texts are NUL-terminated as the kernel gives them (not yet checked for UTF-8), "" where they can't be read. */
struct process {
    int32_t pid;     /* in the sensor's pid namespace */
    int64_t user_id; /* effective; -1: unknown */
    char name[PROCESS_NAME_SIZE];
    char executable[PROCESS_PATH_SIZE];
    char cgroup[PROCESS_PATH_SIZE];
    char container_id[PROCESS_CONTAINER_SIZE]; /* 64 hex digits; "" outside of containers */

    uint64_t start_time;    /* clock ticks since boot: with the pid it identifies the process */
    atomic_uint references; /* flows and sockets that point here */
    struct process *next;   /* the service's */
};

struct visibility;
struct visibility_client; /* one per meter, used by its thread */

struct visibility_options {
    int64_t poll_interval; /* microseconds; longer where a poll would cost more than a twentieth of a core */
    void (*enter)(void);   /* what its thread does first; NULL: nothing */
};

/* What became of the questions: asked = found + foreign + ambiguous + unknown + open. */
struct visibility_statistics {
    uint64_t asked;
    uint64_t found;
    uint64_t foreign;   /* neither end is an address of this host */
    uint64_t ambiguous; /* could be one of several namespaces or processes */
    uint64_t unknown;   /* no socket was seen, or who holds it can't be found out */
    uint64_t open;      /* not answered yet */
    uint64_t unasked;   /* there was no room for the question; not in `asked` */
    uint64_t polls;
};

/* Returns when the first look is done, so that what is open before the first packet is known. Any thread, whose network
 * namespace is taken as the captured one. 0 or -errno with the error set. */
int visibility_start(const struct visibility_options *options, struct visibility **visibility,
                     struct error *error);
/* After all clients have left. NULL is fine. */
void visibility_stop(struct visibility *visibility);

void visibility_statistics(struct visibility *visibility, struct visibility_statistics *statistics);

/* A client for a meter with so many flows at once, NULL: no memory. Any thread; may wait for the service's. */
struct visibility_client *visibility_join(struct visibility *visibility, size_t flows);
/* Gives back all tickets. NULL is fine. */
void visibility_leave(struct visibility_client *client);
/* Bytes that such a client takes. What the service knows of the host's sockets and processes is not in it. */
size_t visibility_memory_for(size_t flows);

/* A flow by its first packet. IPv4 addresses in the first 4 bytes, the rest 0; ports in host byte order. */
struct visibility_question {
    int64_t earliest,
        latest; /* the packet's time, as precisely as is known; microseconds of the steady clock */
    uint8_t source[16], destination[16];
    uint16_t source_port, destination_port;
    uint8_t source_mac[6], destination_mac[6];
    uint8_t ip_version, protocol; /* IPPROTO_TCP, IPPROTO_UDP */
    bool has_mac;
    bool opening; /* TCP: SYN without ACK */
};

enum visibility_end { END_NONE, END_SOURCE, END_DESTINATION };

/* The following belong to the meter's thread: they neither wait nor allocate nor take a lock; at most they wake the
 * service. A ticket is given back with visibility_release(); 0 is none. */
uint32_t visibility_ask(struct visibility_client *client, const struct visibility_question *question);
/* Whether the answer is there; *process is then the process and *end where it is, NULL if there is none. Valid until the
 * ticket is given back. */
bool visibility_answer(const struct visibility_client *client, uint32_t ticket,
                       const struct process **process, enum visibility_end *end);
void visibility_release(struct visibility_client *client, uint32_t ticket);
