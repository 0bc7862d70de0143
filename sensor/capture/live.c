/* Captures from a live interface.
 *
 * libpcap's own wait is not used: with TPACKET_V3 it may never return on an idle link, with any timeout, and
 * then no flow would expire. The handle is non-blocking, and the wait is a poll() of ours. */
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/nearest.h"
#include "capture/capture.h"
#include "capture/source.h"
#include "capture/steady.h"

/* The kernel holds frames back until a block of its ring is full or this time has passed. It is short compared with any
 * timeout of a flow, and long enough to hand over thousands of frames at once. */
enum {
    BLOCK_MILLISECONDS = 100,
    REST_MICROSECONDS = 5000000,       /* at most, for what a break leaves in the ring */
    STEP_LINE_MICROSECONDS = 10000000, /* between two lines about steps of the clock, of all shares */
    MTU_MICROSECONDS = 1000000,        /* between two looks at the MTU */
    LINK_HEADER_MAX = 22,              /* Ethernet with two tags: what a frame has beyond the MTU */
};

struct live_capture {
    struct capture base;
    pcap_t *handle;
    int link_type;
    int poll_descriptor;
    int poll_milliseconds;
    unsigned interface_index; /* 0 for the pseudo-interface "any" */
    char name[IF_NAMESIZE];
    const char *permission_remedy; /* while it is being opened */
    struct steady steady;
    uint32_t largest;      /* bytes of a frame of the wire, by the interface's MTU */
    int64_t mtu_looked;    /* steady time of the last look at that */
    int64_t begin;         /* steady time: earlier frames belong to no share, see join_shares() */
    int64_t end, deadline; /* of what is read after a break: steady and monotonic clock; 0: no break yet */
    bool ended;            /* nothing more comes */
    struct pcap_stat last; /* counters of 32 bits, as last read: they wrap */
    uint64_t dropped_kernel;
    uint64_t dropped_interface;
};

/* Names of all interfaces, comma-separated, and the one nearest to `given` (NULL if none). */
static const char *describe_interfaces(const char *given, const struct if_nameindex *interfaces, char *text,
                                       size_t size) {
    size_t count = 0, used = 0;
    text[0] = '\0';
    while (interfaces[count].if_name != NULL) {
        int written =
            snprintf(text + used, size - used, "%s%s", count > 0 ? ", " : "", interfaces[count].if_name);
        if (written < 0 || (size_t)written >= size - used)
            break;
        used += (size_t)written;
        count++;
    }
    return nearest_name(given, (const char *const *)&interfaces[0].if_name, count, sizeof *interfaces);
}

static int no_such_interface(const char *name, struct error *error) {
    char text[512] = "";
    struct if_nameindex *interfaces = if_nameindex();
    const char *nearest = NULL;
    if (interfaces != NULL)
        nearest = describe_interfaces(name, interfaces, text, sizeof text);
    if (nearest != NULL)
        error_set(error, ENODEV, EX_NOINPUT, "no interface \"%s\"; did you mean \"%s\"? There are: %s", name,
                  nearest, text);
    else
        error_set(error, ENODEV, EX_NOINPUT, "no interface \"%s\"; there are: %s", name, text);
    if (interfaces != NULL)
        if_freenameindex(interfaces);
    return -ENODEV;
}

static int activation_failed(struct live_capture *capture, int status, struct error *error) {
    const char *reason = pcap_geterr(capture->handle);
    switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return error_set(
            error, EPERM, EX_NOPERM, "no permission to capture on the interface %s; %s", capture->name,
            capture->permission_remedy != NULL ? capture->permission_remedy : "it needs cap_net_raw");
    case PCAP_ERROR_NO_SUCH_DEVICE: return no_such_interface(capture->name, error);
    case PCAP_ERROR_IFACE_NOT_UP:
        return error_set(error, ENETDOWN, EX_NOINPUT, "the interface %s is down; ip link set %s up",
                         capture->name, capture->name);
    default:
        return error_set(error, EIO, EX_OSERR, "can't capture on the interface %s: %s", capture->name,
                         reason[0] != '\0' ? reason : pcap_statustostr(status));
    }
}

static int live_configure(struct live_capture *capture, const struct capture_options *options,
                          struct error *error) {
    uint32_t wait = options->poll_milliseconds;
    int block = wait > 0 && wait < BLOCK_MILLISECONDS ? (int)wait : BLOCK_MILLISECONDS;
    if (options->snapshot_length > INT32_MAX || options->socket_buffer_size > INT32_MAX || wait > INT32_MAX)
        return error_set(
            error, ERANGE, EX_USAGE,
            "snapshot length, socket buffer size and poll time of %s must be below 2 GiB and 24 days",
            capture->name);
    capture->poll_milliseconds = (int)wait;
    /* These fail on an active handle only. */
    pcap_set_snaplen(capture->handle, (int)options->snapshot_length);
    pcap_set_promisc(capture->handle, options->promiscuous_mode);
    pcap_set_timeout(capture->handle, block);
    if (options->socket_buffer_size > 0)
        pcap_set_buffer_size(capture->handle, (int)options->socket_buffer_size);
    return 0;
}

/* Logs a step of the clock, but not too often: all shares see the same step, and a clock that is stepped all the time must
 * not fill the log. */
static void tell_step(int64_t now, int64_t by) {
    static atomic_llong told;
    long long last = atomic_load_explicit(&told, memory_order_relaxed);
    if ((last != 0 && now - last < STEP_LINE_MICROSECONDS) ||
        !atomic_compare_exchange_strong(&told, &last, now))
        return;
    log_line(
        LOG_WARNING,
        "the host's clock was set %s by %.3f s; open flows go on, and the times of new ones are the new clock's",
        by < 0 ? "back" : "forward", (double)llabs(by) / 1e6);
}

/* It may be changed while we capture. */
static void look_at_mtu(struct live_capture *capture, int64_t now) {
    uint32_t mtu = source_interface_mtu(capture->poll_descriptor, capture->name);
    capture->largest = mtu != 0 ? mtu + LINK_HEADER_MAX : UINT32_MAX;
    capture->mtu_looked = now;
}

static void look_at_clocks(struct live_capture *capture) {
    struct clock_look look = clock_look();
    int64_t by;
    if (steady_look(&capture->steady, &look, &by))
        tell_step(look.steady, by);
    if (capture->poll_descriptor >= 0 && look.steady - capture->mtu_looked >= MTU_MICROSECONDS)
        look_at_mtu(capture, look.steady);
}

static int live_activate(struct live_capture *capture, const struct capture_options *options,
                         struct error *error) {
    char reason[PCAP_ERRBUF_SIZE] = "";
    capture->interface_index = if_nametoindex(capture->name);
    look_at_clocks(capture);
    steady_silence(&capture->steady, capture->steady.looked);
    int status = pcap_activate(capture->handle);
    if (status < 0)
        return activation_failed(capture, status, error);
    if (pcap_setnonblock(capture->handle, 1, reason) < 0)
        return error_set(error, EIO, EX_OSERR, "can't capture on the interface %s without blocking: %s",
                         capture->name, reason);
    capture->poll_descriptor = pcap_get_selectable_fd(capture->handle);
    if (capture->poll_descriptor < 0)
        return error_set(error, EIO, EX_OSERR,
                         "can't wait for packets of the interface %s; choose another one", capture->name);
    capture->link_type = pcap_datalink(capture->handle);
    look_at_mtu(capture, capture->steady.looked);
    return source_set_filter(capture->handle, options->bpf_filter, capture->name, error);
}

/* libpcap doesn't always notice that an interface was removed. There may already be a new one of the same name. */
static bool is_gone(const struct live_capture *capture) {
    return capture->interface_index != 0 && if_nametoindex(capture->name) != capture->interface_index;
}

/* Frames that came before the failure are still in the ring; live_rest() reads them. */
static int live_fail(struct live_capture *capture, struct error *error) {
    capture_break(&capture->base);
    if (is_gone(capture))
        return error_set(error, EIO, EX_IOERR,
                         "the interface %s went away after %llu packet%s; start again when it is back",
                         capture->name, (unsigned long long)capture->base.frames,
                         capture->base.frames == 1 ? "" : "s");
    return error_set(error, EIO, EX_IOERR, "capturing on the interface %s failed after %llu packet%s: %s",
                     capture->name, (unsigned long long)capture->base.frames,
                     capture->base.frames == 1 ? "" : "s", pcap_geterr(capture->handle));
}

static int64_t stamp_microseconds(const struct pcap_pkthdr *header) {
    return (int64_t)header->ts.tv_sec * 1000000 + header->ts.tv_usec;
}

static int64_t steady_time_of(struct live_capture *capture, int64_t stamp) {
    if (steady_wants_look(&capture->steady, stamp))
        look_at_clocks(capture);
    return steady_time(&capture->steady, stamp);
}

static int read_frame(struct live_capture *capture, struct frame *frame) {
    struct pcap_pkthdr *header;
    const u_char *bytes;
    int64_t stamp, time;
    do {
        int result = pcap_next_ex(capture->handle, &header, &bytes);
        if (result != 1)
            return result;
        stamp = stamp_microseconds(header);
        time = steady_time_of(capture, stamp);
    } while (time < capture->begin);
    frame->to_steady = time - stamp;
    frame->bytes = bytes;
    frame->captured_length = header->caplen;
    frame->wire_length = header->len;
    frame->seconds = header->ts.tv_sec;
    frame->microseconds = (int32_t)header->ts.tv_usec;
    frame->link_type = capture->link_type;
    frame->oversized = header->len > capture->largest;
    frame->file = 0;
    capture->base.frames++;
    return 1;
}

/* As poll(). */
static int wait_for_frames(const struct live_capture *capture, int milliseconds) {
    struct pollfd wait = {.fd = capture->poll_descriptor, .events = POLLIN};
    return poll(&wait, 1, milliseconds);
}

static int live_next(struct capture *base, struct frame *frame, enum capture_event *event,
                     struct error *error) {
    struct live_capture *capture = (struct live_capture *)base;
    int result = read_frame(capture, frame);
    if (result == 0) {
        int ready = wait_for_frames(capture, base->hurry ? 0 : capture->poll_milliseconds);
        if (ready < 0 && errno != EINTR)
            return live_fail(capture, error);
        if (ready > 0)
            result = read_frame(capture, frame);
        if (ready == 0 && !base->hurry && is_gone(capture))
            return live_fail(capture, error);
    }
    if (result < 0)
        return live_fail(capture, error);
    *event = result == 1 ? CAPTURE_FRAME : CAPTURE_IDLE;
    if (result == 0) {
        look_at_clocks(capture);
        steady_silence(&capture->steady, capture->steady.looked - STEADY_BLOCK);
    }
    return 0;
}

/* Whether to stop after a break: the frame came after it, or reading what came before takes too long. */
static bool is_past(const struct live_capture *capture, const struct frame *frame) {
    return frame->seconds * 1000000 + frame->microseconds + frame->to_steady > capture->end ||
           clock_monotonic() > capture->deadline;
}

/* Frames that came before the break wait in the kernel's ring, the latest in a block that is not yet handed over. The same
 * holds for an interface that went away: each read fails until that block is there. */
static void live_rest(struct capture *base, struct frame *frame, enum capture_event *event) {
    struct live_capture *capture = (struct live_capture *)base;
    int result = 0;
    if (capture->end == 0) {
        capture->end = clock_steady();
        capture->deadline = clock_monotonic() + REST_MICROSECONDS;
    }
    while (!capture->ended && (result = read_frame(capture, frame)) != 1)
        capture->ended =
            wait_for_frames(capture, 2 * BLOCK_MILLISECONDS) == 0 || clock_monotonic() > capture->deadline;
    if (result == 1 && is_past(capture, frame)) {
        capture->base.frames--;
        result = 0;
    }
    capture->ended = result != 1;
    *event = capture->ended ? CAPTURE_END : CAPTURE_FRAME;
}

static void live_statistics(struct capture *base, struct capture_statistics *statistics) {
    struct live_capture *capture = (struct live_capture *)base;
    struct pcap_stat now;
    if (pcap_stats(capture->handle, &now) == 0) {
        capture->dropped_kernel += (uint32_t)(now.ps_drop - capture->last.ps_drop);
        capture->dropped_interface += (uint32_t)(now.ps_ifdrop - capture->last.ps_ifdrop);
        capture->last = now;
    }
    statistics->dropped_kernel = capture->dropped_kernel;
    statistics->dropped_interface = capture->dropped_interface;
    statistics->clock_steps = capture->steady.steps;
}

static const char *live_name(const struct capture *base) {
    return ((const struct live_capture *)base)->name;
}

static int live_link_type(const struct capture *base) {
    return ((const struct live_capture *)base)->link_type;
}

static void live_close(struct capture *base) {
    struct live_capture *capture = (struct live_capture *)base;
    if (capture->handle != NULL)
        pcap_close(capture->handle);
    free(capture);
}

static const struct source_type live_type = {.next = live_next,
                                             .rest = live_rest,
                                             .statistics = live_statistics,
                                             .name = live_name,
                                             .link_type = live_link_type,
                                             .close = live_close};

static int choose_name(struct live_capture *capture, const char *interface, struct error *error) {
    if (strcmp(interface, "auto") == 0) {
        if (source_default_interface(capture->name, sizeof capture->name) < 0)
            return error_set(error, ENODEV, EX_NOINPUT,
                             "no default route, so interface \"auto\" can't be chosen; name an interface");
        return 0;
    }
    if (interface[0] == '\0' || strlen(interface) >= sizeof capture->name)
        return no_such_interface(interface, error);
    memcpy(capture->name, interface, strlen(interface) + 1);
    return 0;
}

static int open_one(const struct capture_options *options, struct live_capture **opened,
                    struct error *error) {
    char reason[PCAP_ERRBUF_SIZE] = "";
    struct live_capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory to capture on %s", options->interface);
    capture->base.magic = CAPTURE_MAGIC;
    capture->base.type = &live_type;
    capture->permission_remedy = options->permission_remedy;
    capture->poll_descriptor = -1;
    int result = choose_name(capture, options->interface, error);
    if (result == 0 && (capture->handle = pcap_create(capture->name, reason)) == NULL)
        result =
            error_set(error, EIO, EX_OSERR, "can't capture on the interface %s: %s", capture->name, reason);
    if (result == 0)
        result = live_configure(capture, options, error);
    if (result == 0)
        result = live_activate(capture, options, error);
    if (result < 0) {
        live_close(&capture->base);
        return result;
    }
    *opened = capture;
    return 0;
}

/* From its activation until it joins the others, each socket gets every packet: frames of that time are skipped. */
static int join_shares(struct capture **captures, size_t count, struct error *error) {
    int descriptors[CAPTURE_SHARES_MAX] = {0};
    for (size_t i = 0; i < count; i++)
        descriptors[i] = pcap_fileno(((struct live_capture *)captures[i])->handle);
    int result = fanout_join(descriptors, count);
    if (result < 0)
        return error_set(
            error, -result, EX_OSERR,
            "the kernel can't share out the interface %s among %zu meters: %s; set meter.n_meters to 1",
            capture_source_name(captures[0]), count, strerror(-result));
    int64_t begin = clock_steady();
    for (size_t i = 0; i < count; i++)
        ((struct live_capture *)captures[i])->begin = begin;
    return 0;
}

int capture_open_shares(const struct capture_options *options, size_t count, struct capture **captures,
                        struct error *error) {
    size_t opened = 0;
    int result = 0;
    while (result == 0 && opened < count) {
        struct live_capture *capture = NULL;
        result = open_one(options, &capture, error);
        if (capture != NULL)
            captures[opened++] = &capture->base;
    }
    if (result == 0 && count > 1)
        result = join_shares(captures, count, error);
    while (result < 0 && opened > 0) {
        capture_close(captures[--opened]);
        captures[opened] = NULL;
    }
    return result;
}
