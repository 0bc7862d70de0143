/* Room 1: where packets come from. A capture gives one frame after another, from files (pcap, pcapng),
 * standard input, or a live interface. It knows nothing of what is in a frame.
 *
 * A capture belongs to one thread at a time, its owner: `meter`; of files for several meters, `read`: the one whose turn it is.
 * Another thread may call capture_break() only. There is no lock. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* One captured frame. `bytes` is borrowed until the next call of capture_next(), or as capture_window() says. */
struct frame {
    const uint8_t *bytes;
    uint32_t captured_length; /* bytes that are there */
    uint32_t wire_length;     /* bytes that were on the wire */
    int64_t seconds;          /* since the epoch, as recorded: may be wrong, may go back */
    int32_t microseconds;     /* as recorded; nanosecond captures are truncated; may be out of 0..999999 in
                                 damaged files */
    int64_t to_steady; /* live: microseconds from the recorded time to the steady one (base/clock.h) where the
                                 wall clock was stepped; otherwise 0 */
    int link_type;     /* DLT_* of libpcap; may change from frame to frame */
    bool oversized; /* live: larger than the interface's MTU allows: no packet of the wire, but segments that
                          offloads put together, or that the network card splits later */
    /* Live: bytes of payload of each segment of a super-packet (gso_size of virtio_net_hdr); 0: it is none, or the kernel
     * didn't say. Not of UFO, whose pieces are IP fragments. */
    uint16_t segment_size;
    bool segment_udp;         /* with segment_size: the segments are of UDP (UDP_L4), else of TCP */
    uint32_t file;            /* index of the frame's capture in capture_file_names(); live 0 */
    uint32_t interface_index; /* live: the kernel's number of the interface */
    uint16_t interface;       /* live: its slot (live/interface_slots.h); 0: none */
    bool outgoing;            /* live: the host sent it there, else it received it */
    bool at_pod;              /* live: the interface is a pod's */
};

enum capture_scope { CAPTURE_SCOPE_ALL, CAPTURE_SCOPE_UPLINK, CAPTURE_SCOPE_PODS };

struct capture_options {
    const char *const *files; /* read one after another; "-" is standard input; NULL for live */
    size_t file_count;
    bool sort;        /* files: by the time of their first packets, not as they are given */
    bool as_nfstream; /* files: read by libpcap, with its limits, and past errors, as NFStream does */
    size_t windows;   /* files: pieces of WINDOW_BYTES of which bytes may stay (capture_window()); 0: 1 */
    const char *const *interfaces; /* live: words as interface_rules.h has them; NULL for files */
    size_t interface_count;
    const char *const *roles; /* live: likewise */
    size_t role_count;
    enum capture_scope scope;    /* live: which roles are captured */
    const char *bpf_filter;      /* pcap-filter(7); NULL: everything */
    bool promiscuous_mode;       /* live */
    uint32_t snapshot_length;    /* live: bytes kept of each frame */
    uint32_t socket_buffer_size; /* live: bytes of the kernel's ring; 0: 2 MiB, libpcap's default */
    bool segment_sizes;          /* live: ask the kernel for frame.segment_size */
    uint32_t poll_milliseconds;  /* live: capture_next() returns CAPTURE_IDLE at the latest after this long */
    uint32_t
        block_milliseconds; /* live: how long the kernel collects frames before it hands them over; 0: 100 */
    const char *permission_remedy; /* live: what to do where permission is missing; NULL: a general hint */
};

enum { CAPTURE_BLOCK_MILLISECONDS = 100, CAPTURE_HELD_MICROSECONDS_MIN = 100000 };

static inline uint32_t capture_block_milliseconds(const struct capture_options *options) {
    return options->block_milliseconds != 0 ? options->block_milliseconds : CAPTURE_BLOCK_MILLISECONDS;
}

/* Live: a frame is handed over within so many microseconds after it came. The kernel looks after a block once in
 * block_milliseconds, and hands over what it had at the look before; its timers are late on a busy machine. */
static inline int64_t capture_held(const struct capture_options *options) {
    int64_t held = INT64_C(2000) * capture_block_milliseconds(options);
    return held > CAPTURE_HELD_MICROSECONDS_MIN ? held : CAPTURE_HELD_MICROSECONDS_MIN;
}

/* What the kernel and the interface say, summed since the start; files: only `frames`. */
struct capture_statistics {
    uint64_t frames;         /* frames given out by capture_next() */
    uint64_t bytes_read;     /* of the files so far, for a progress bar */
    uint64_t bytes_total;    /* of all files; 0 if unknown (standard input, live) */
    uint64_t dropped_kernel; /* live: no room in the ring */
    uint64_t ring_freezes;   /* live: how often the ring became full */
    uint64_t
        dropped_interface; /* live: dropped by the network cards or their drivers; the same for all shares */
    uint64_t clock_steps;  /* live: steps of the wall clock */
    /* Live, of the interfaces; all shares have the same, and the first one tells it. */
    uint64_t interfaces_captured; /* how many are captured now */
    uint64_t
        interface_overruns; /* how often the kernel lost messages about them; then all are asked for again */
    uint64_t interfaces_left_out; /* how often one was not captured since there were too many */
};

/* Packets that came to the interface and were never read. */
static inline uint64_t capture_lost(const struct capture_statistics *statistics) {
    return statistics->dropped_kernel + statistics->dropped_interface;
}

enum capture_event {
    CAPTURE_FRAME, /* *frame is filled */
    /* Live: nothing arrived for poll_milliseconds, or see capture_hurry(). A pipe: a tenth of a second passed. */
    CAPTURE_IDLE,
    CAPTURE_END, /* end of the last file, or capture_break() */
};

struct capture;
struct window;

/* Opens the source; files are opened one by one as they are reached. On failure *capture is unchanged. It fails if it
 * finds, without waiting for a pipe, that no file of the list is a capture. Exit codes: EX_NOINPUT no such file or
 * interface, EX_DATAERR not a capture, EX_NOPERM, EX_CONFIG bad BPF.
 * @thread any: the main thread opens, and gives the capture to its owner before that starts */
int capture_open(const struct capture_options *options, struct capture **capture, struct error *error);
/* @thread any, after its owner has ended */
void capture_close(struct capture *capture);

/* Whether the words name one interface: its name, or "auto".
 * @thread any: nothing is shared */
bool capture_of_one_interface(const struct capture_options *options);

/* Live: whether the interface of this slot (frame.interface) is still there.
 * @thread any */
bool capture_has_interface(const struct capture *capture, uint16_t interface);

/* Opens the live interfaces `count` times (at most CAPTURE_SHARES_MAX), for as many threads. The kernel gives each packet
 * to one of captures[]: all packets between two IP addresses to the same one. Each has a ring of socket_buffer_size.
 * Interfaces are followed as they appear and vanish: the owner of captures[0] does it between two frames.
 * @thread any, as capture_open() */
enum { CAPTURE_SHARES_MAX = 64 };
int capture_open_shares(const struct capture_options *options, size_t count, struct capture **captures,
                        struct error *error);

/* 0 and *event, or -errno: the source failed (a file can't be read, or is cut: EX_DATAERR; the kernel's
 * socket fails: EX_IOERR). Frames that were given out before stay valid; the caller finishes them and exits with the error's code. A
 * later call goes on with the next file; after the failure of a socket it gives CAPTURE_END.
 * @thread the owner */
int capture_next(struct capture *capture, struct frame *frame, enum capture_event *event,
                 struct error *error);

/* Files: the window in which the bytes of the last frame lie. They stay as long as it is held (window.h). If all windows are
 * held, capture_next() gives CAPTURE_IDLE, and then waits for up to 50 ms each time. NULL: bytes don't stay.
 * @thread the owner */
struct window *capture_window(const struct capture *capture);

/* Live, with `hurry`: from now on capture_next() doesn't wait, and gives CAPTURE_IDLE at once if there is no frame.
 * Without it, capture_next() waits again.
 * @thread the owner */
void capture_hurry(struct capture *capture, bool hurry);

/* Makes capture_next() return CAPTURE_END soon. A live source first gives out the frames that came before the call. To
 * end a blocked read of standard input, a signal handler must be installed without SA_RESTART.
 * @thread any, and signal handlers: one relaxed store */
void capture_break(struct capture *capture);

/* @thread the owner */
void capture_statistics(struct capture *capture, struct capture_statistics *statistics);

/* Live: how much of what was captured waits to be read, beyond the two blocks that may wait while the owner keeps up, as
 * percent of the room for it (packet_ring_fill()). 100 if the ring was full or packets were lost for want of room since the
 * last call, as far as that is known: the kernel is asked ten times a second. A ring of up to three blocks
 * (socket_buffer_size up to 768 KiB) is full at every delay of the owner, so there it is 0, or 100 of lost packets alone. It
 * costs a few loads. Files: 0, since they wait.
 * @thread the owner */
unsigned capture_pressure(struct capture *capture);

/* Name of the source now being read, for messages: a file's path or an interface's name.
 * @thread the owner */
const char *capture_source_name(const struct capture *capture);

/* The link type of a live source, as libpcap names it ("EN10MB"); "" if it has no name, or the source is a list of
 * files, which may have several.
 * @thread any: it does not change */
const char *capture_link_type_name(const struct capture *capture);

/* Live: the name and the role of an interface by frame.interface. False: it is 0, or went away so long ago that it isn't
 * known any more. The role's text is constant.
 * @thread any */
enum { CAPTURE_INTERFACE_NAME = 16 };
bool capture_interface(const struct capture *capture, uint16_t interface, char name[CAPTURE_INTERFACE_NAME],
                       const char **role);

/* Live: calls `visit` for each network card that is captured, with what it or its driver dropped since it was first
 * captured. The call must be short, and not call the capture.
 * @thread any */
typedef void capture_card_visit(void *context, const char *interface, uint64_t dropped);
void capture_visit_cards(const struct capture *capture, capture_card_visit *visit, void *context);

/* Live: puts another filter into force in all shares (NULL: none). `capture` is the first of them; its owner attaches the
 * filter at its next look, to a socket at one stroke, so no packet is lost. Waits for that, or until *given_up. On failure the
 * old filter stays. EX_CONFIG: it can't be compiled, is too long, or asks for what only a start may compile; EX_OSERR: the
 * kernel refuses it, or it was given up.
 * @thread any but the owner, one at a time */
int capture_change_filter(struct capture *capture, const char *filter, const atomic_bool *given_up,
                          struct error *error);

/* The paths of all files as they were given, by frame.file; NULL: live. They live as long as the capture.
 * @thread any: they do not change */
const char *const *capture_file_names(const struct capture *capture);

/* Whether the filter compiles for some common link type (filter.c); in a run the source's link type decides. EX_CONFIG with
 * libpcap's message.
 * @thread any */
int capture_check_filter(const char *filter, struct error *error);

/* Calls `visit` for each interface that can be captured from: name, description or "", addresses as text.
 * @thread main */
int capture_list_interfaces(void (*visit)(const char *name, const char *description, const char *addresses,
                                          void *context),
                            void *context, struct error *error);

/* "libpcap version 1.10.3 ..."
 * @thread any */
const char *capture_library_version(void);
