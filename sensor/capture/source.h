/* What a kind of source (file_list.c, live/live.c) gives to capture.c. A source puts `struct capture` first in its own
 * struct. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"

struct pcap; /* libpcap's pcap_t */

struct source_type {
    int (*next)(struct capture *capture, struct frame *frame, enum capture_event *event, struct error *error);
    /* After capture_break(): what came before it, then CAPTURE_END. NULL: nothing more. */
    void (*rest)(struct capture *capture, struct frame *frame, enum capture_event *event);
    void (*statistics)(struct capture *capture, struct capture_statistics *statistics);
    const char *(*name)(const struct capture *capture);
    const char *const *(*file_names)(const struct capture *capture); /* NULL: there are no files */
    struct window *(*window)(const struct capture *capture);         /* NULL: bytes don't stay */
    void (*close)(struct capture *capture);
    int (*link_type)(const struct capture *capture); /* NULL: it has none of its own */
    bool (*interface)(const struct capture *capture, uint16_t slot, char name[CAPTURE_INTERFACE_NAME],
                      const char **role);                                /* NULL: it has none */
    bool (*has_interface)(const struct capture *capture, uint16_t slot); /* NULL: it has none */
    void (*visit_cards)(const struct capture *capture, capture_card_visit *visit,
                        void *context);            /* NULL: it has none */
    unsigned (*pressure)(struct capture *capture); /* NULL: none */
    int (*change_filter)(struct capture *capture, const char *filter, const atomic_bool *given_up,
                         struct error *error); /* NULL: it can't */
};

enum { CAPTURE_MAGIC = 0x0ca97b3e };

struct capture {
    uint32_t magic; /* CAPTURE_MAGIC while it is open */
    const struct source_type *type;
    atomic_bool broken; /* capture_break() was called, or the source failed */
    bool hurry;         /* see capture_hurry() */
    uint64_t frames;    /* given out */
};

int file_open(const struct capture_options *options, struct capture **capture, struct error *error);

/* Makes the kernel share out packets among the packet sockets, by the pair of IP addresses. 0 or -errno.
 * @thread main */
int fanout_join(const int *descriptors, size_t count);

/* Compiles `filter` (NULL: none) for the link type of `handle` and attaches it. `name` is for the error. */
int source_set_filter(struct pcap *handle, const char *filter, const char *name, struct error *error);

/* Sets the error of a name that no interface has: the nearest one, and those that there are. -ENODEV. */
int source_no_such_interface(const char *name, struct error *error);
