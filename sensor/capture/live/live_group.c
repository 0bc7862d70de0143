#include "capture/live/live_group.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/gate.h"
#include "base/log.h"
#include "capture/live/hardware.h"
#include "capture/live/live_filter.h"
#include "capture/source.h"

enum {
    RINGS_MAX = 3, /* of a share: the first, one without sizes of segments, one for all interfaces */
    RING_BYTES_DEFAULT = 2 << 20, /* libpcap's */
};

struct share {
    int reserve[RINGS_MAX]; /* sockets that are not in use yet; the last ones first */
    size_t reserve_count;
    int descriptor;          /* of the latest ring */
    struct live_ring coming; /* for the share to take */
    atomic_bool waits;       /* it is there, and was not taken yet */
};

/* A filter on its way from who changes it to the owner of share 0, and back: that one keeps the filter that is in force. */
struct filter_offer {
    _Atomic(struct live_filter *) offered; /* NULL: the owner took it, or there is none */
    struct live_filter *left;              /* the one that isn't in force, once `answered` is set */
    int result;                            /* likewise */
    atomic_bool answered;
    struct gate gate; /* opened then */
};

struct live_group {
    struct live_interfaces *interfaces;
    struct live_filter *filter;
    struct filter_offer offer;
    uint32_t snapshot_length;
    struct packet_ring_options ring;
    bool promiscuous;
    bool started;      /* the first rings are there */
    uint32_t bound;    /* the index of the one interface that the rings are of; 0: of all */
    uint16_t hardware; /* of the first interface at the start */
    bool binds;        /* there was one at the start, of which the first rings were */
    bool changed;      /* the interfaces, and no filter or ring was made for them yet */
    atomic_bool without_segments;
    size_t open; /* shares that were not closed */
    size_t count;
    struct share shares[];
};

/* What a glob or `any` finds isn't made promiscuous: a bridge, for one, would then hand all it forwards to the host. The kernel
 * forgets it with the interface. */
static void set_promiscuous(const struct interface_link *link, void *context) {
    const struct live_group *group = context;
    if (group->promiscuous && link->up && live_interfaces_named(group->interfaces, link))
        packet_ring_set_promiscuous(group->shares[0].descriptor, link->index);
}

/* NULL: it is too long. */
static int attach(int descriptor, const struct sock_fprog *program) {
    return program != NULL ? packet_ring_set_filter(descriptor, program) : -E2BIG;
}

static int set_filter(struct live_group *group, uint32_t bound, int descriptor) {
    if (bound != 0)
        return attach(descriptor, live_filter_of_one(group->filter, group->hardware));
    size_t count;
    const uint32_t *indices = live_interfaces_list(group->interfaces, &count);
    if (attach(descriptor, live_filter_program(group->filter, indices, count)) == 0)
        return 0;
    /* Too long with so many of them: frames of others are left out later. */
    return attach(descriptor, live_filter_program(group->filter, NULL, 0));
}

/* While it captures, an interface that is down is no failure: it may come up. */
static int start_ring(struct live_group *group, struct share *share, uint32_t bound) {
    struct packet_ring *ring = &share->coming.ring;
    struct packet_ring_options options = group->ring;
    options.interface_index = bound;
    *ring = (struct packet_ring){.descriptor = share->reserve[--share->reserve_count]};
    int result = set_filter(group, bound, ring->descriptor);
    if (result == 0)
        result = packet_ring_start(ring, &options);
    return result == -ENETDOWN && group->started ? 0 : result;
}

static void set_all_promiscuous(struct live_group *group) {
    size_t count;
    const uint32_t *indices = live_interfaces_list(group->interfaces, &count);
    for (size_t i = 0; i < count; i++) {
        const struct interface_link *link = live_interfaces_link(group->interfaces, indices[i]);
        if (link != NULL)
            set_promiscuous(link, group);
    }
}

static int share_out(const struct live_group *group) {
    int descriptors[CAPTURE_SHARES_MAX] = {0};
    for (size_t i = 0; i < group->count; i++)
        descriptors[i] = group->shares[i].coming.ring.descriptor;
    return group->count > 1 ? fanout_join(descriptors, group->count) : 0;
}

/* Until all were there, each got every packet. */
static void hand_out(struct live_group *group) {
    int64_t begin = group->started || group->count > 1 ? clock_steady() : INT64_MIN;
    for (size_t i = 0; i < group->count; i++) {
        struct share *share = &group->shares[i];
        share->descriptor = share->coming.ring.descriptor;
        share->coming.begin = begin;
        atomic_store_explicit(&share->waits, true, memory_order_release);
    }
}

/* Gives each share a ring of the interface `bound`, or of all. On failure the shares go on with what they have. */
static int live_group_replace(struct live_group *group, uint32_t bound) {
    int result = 0;
    size_t started = 0;
    while (result == 0 && started < group->count)
        result = start_ring(group, &group->shares[started++], bound);
    if (result == 0)
        result = share_out(group);
    if (result == 0) {
        group->bound = bound;
        group->changed = false;
        hand_out(group);
        set_all_promiscuous(group);
        return 0;
    }
    while (started > 0)
        packet_ring_close(&group->shares[--started].coming.ring);
    return result;
}

/* The shares take theirs within a second. */
static bool is_handed_out(const struct live_group *group) {
    for (size_t i = 0; i < group->count; i++)
        if (live_group_next(group, i) != NULL)
            return true;
    return false;
}

/* Tried again at the next look, while there are sockets. */
static void replace_running(struct live_group *group, uint32_t bound) {
    if (group->shares[0].reserve_count == 0)
        return;
    int result = live_group_replace(group, bound);
    if (result < 0)
        log_line(LOG_ERROR, "can't make new rings for %s: %s%s", live_interfaces_name(group->interfaces),
                 strerror(-result), group->shares[0].reserve_count == 0 ? "; start again" : "");
}

static void set_filters(struct live_group *group) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < group->count; i++)
        result = set_filter(group, group->bound, group->shares[i].descriptor);
    if (result < 0)
        log_line(
            LOG_ERROR,
            "the kernel refuses the filter with interfaces that have appeared, which are not captured: %s",
            strerror(-result));
    group->changed = false;
}

static bool is_as_bound(struct live_group *group) {
    size_t count;
    const uint32_t *indices = live_interfaces_list(group->interfaces, &count);
    return count == 1 && indices[0] == group->bound;
}

static void follow_changes(struct live_group *group) {
    if (group->bound == 0)
        set_filters(group);
    else if (is_as_bound(group))
        group->changed = false;
    else if (!is_handed_out(group))
        replace_running(group, 0);
}

static void do_without_segments(struct live_group *group) {
    if (is_handed_out(group))
        return;
    log_line(
        LOG_WARNING,
        "the kernel drops packets whose segments it can't tell; super-packets are flagged (offload) from now on");
    group->ring.segment_sizes = false;
    replace_running(group, group->bound);
}

static int set_filter_of_all(struct live_group *group, size_t *set) {
    int result = 0;
    for (*set = 0; result == 0 && *set < group->count; ++*set)
        result = set_filter(group, group->bound, group->shares[*set].descriptor);
    return result;
}

/* The kernel takes a filter at one stroke. Where it refuses one the others get the old one again. */
static void take_offer(struct live_group *group, struct live_filter *offered) {
    struct filter_offer *offer = &group->offer;
    struct live_filter *before = group->filter;
    size_t set;
    group->filter = offered;
    offer->result = set_filter_of_all(group, &set);
    offer->left = offer->result == 0 ? before : offered;
    if (offer->result < 0)
        group->filter = before;
    for (size_t i = 0; offer->result < 0 && i + 1 < set; i++)
        set_filter(group, group->bound, group->shares[i].descriptor);
    atomic_store(&offer->answered, true);
    gate_open(&offer->gate);
}

static void look_at_offer(struct live_group *group) {
    if (atomic_load_explicit(&group->offer.offered, memory_order_relaxed) == NULL)
        return;
    struct live_filter *offered = atomic_exchange(&group->offer.offered, NULL);
    if (offered != NULL)
        take_offer(group, offered);
}

void live_group_look(struct live_group *group) {
    look_at_offer(group);
    if (live_interfaces_look(group->interfaces, set_promiscuous, group))
        group->changed = true;
    if (group->changed)
        follow_changes(group);
    if (group->ring.segment_sizes && atomic_load_explicit(&group->without_segments, memory_order_relaxed))
        do_without_segments(group);
}

const struct live_ring *live_group_next(const struct live_group *group, size_t share) {
    const struct share *its = &group->shares[share];
    return atomic_load_explicit(&its->waits, memory_order_acquire) ? &its->coming : NULL;
}

void live_group_take(struct live_group *group, size_t share, struct live_ring *taken) {
    struct share *its = &group->shares[share];
    CHECK(live_group_next(group, share) != NULL);
    *taken = its->coming;
    atomic_store_explicit(&its->waits, false, memory_order_release);
}

void live_group_do_without_segments(struct live_group *group) {
    atomic_store_explicit(&group->without_segments, true, memory_order_relaxed);
}

const struct live_interfaces *live_group_interfaces(const struct live_group *group) {
    return group->interfaces;
}

int live_group_descriptor(const struct live_group *group) {
    return live_interfaces_descriptor(group->interfaces);
}

int live_group_link_type(const struct live_group *group) {
    return group->binds ? hardware_link_type(group->hardware) : -1;
}

/* Another filter. */

enum { OFFER_MICROSECONDS = 100000 }; /* between two looks whether it is given up */

static int compile_again(const struct live_group *group, const char *text, struct live_filter **filter,
                         struct error *error) {
    const char *word = text != NULL ? live_filter_needs_interface(text) : NULL;
    if (word != NULL)
        return error_set(
            error, EPERM, EX_CONFIG,
            "the BPF filter \"%s\" needs a restart: to compile \"%s\" takes the right to capture, which a run gives up",
            text, word);
    return live_filter_create(text, group->hardware, live_interfaces_name(group->interfaces), NULL,
                              group->snapshot_length, filter, error);
}

/* False: it was given up before the owner took it. */
static bool wait_for_answer(struct filter_offer *offer, const atomic_bool *given_up) {
    uint32_t turn;
    while (!atomic_load(&offer->answered)) {
        if (atomic_load(given_up) && (offer->left = atomic_exchange(&offer->offered, NULL)) != NULL)
            return false;
        gate_enter(&offer->gate, &turn);
        if (!atomic_load(&offer->answered))
            gate_sleep(&offer->gate, turn, OFFER_MICROSECONDS);
        gate_leave(&offer->gate);
    }
    return true;
}

int live_group_change_filter(struct live_group *group, const char *text, const atomic_bool *given_up,
                             struct error *error) {
    struct filter_offer *offer = &group->offer;
    struct live_filter *filter;
    int result = compile_again(group, text, &filter, error);
    if (result < 0)
        return result;
    atomic_store(&offer->answered, false);
    atomic_store(&offer->offered, filter);
    if (!wait_for_answer(offer, given_up))
        result = error_set(error, ECANCELED, EX_OSERR, "the run ends before a BPF filter is attached");
    else if (offer->result < 0)
        result =
            error_set(error, -offer->result, EX_OSERR,
                      "the kernel doesn't take the BPF filter, which is too long for it (%s): \"%.200s\"",
                      strerror(-offer->result), text != NULL ? text : "");
    live_filter_destroy(offer->left);
    return result;
}

/* The start. */

/* Any of the chosen ones that is Ethernet and up, for libpcap to ask. Later there may be some: loopback does as well. */
static const char *find_ethernet(struct live_group *group) {
    size_t count;
    const uint32_t *indices = live_interfaces_list(group->interfaces, &count);
    for (size_t i = 0; i < count; i++) {
        const struct interface_link *link = live_interfaces_link(group->interfaces, indices[i]);
        if (link != NULL && link->up && hardware_link_type(link->hardware) == DLT_EN10MB)
            return link->name;
    }
    return "lo";
}

/* The first one's; Ethernet if there is none yet. */
static uint16_t first_hardware(struct live_group *group) {
    size_t count;
    const uint32_t *indices = live_interfaces_list(group->interfaces, &count);
    const struct interface_link *link =
        count > 0 ? live_interfaces_link(group->interfaces, indices[0]) : NULL;
    return link != NULL ? link->hardware : ARPHRD_ETHER;
}

static void look_at_first(struct live_group *group) {
    size_t count;
    live_interfaces_list(group->interfaces, &count);
    group->binds = live_interfaces_is_one(group->interfaces) && count == 1;
    group->hardware = first_hardware(group);
}

static int make_filter(struct live_group *group, const struct capture_options *options, struct error *error) {
    int result =
        live_filter_create(options->bpf_filter, group->hardware, live_interfaces_name(group->interfaces),
                           find_ethernet(group), options->snapshot_length, &group->filter, error);
    if (result == 0 && (group->binds ? live_filter_of_one(group->filter, group->hardware)
                                     : live_filter_program(group->filter, NULL, 0)) == NULL)
        result = error_set(error, E2BIG, EX_CONFIG, "the BPF filter \"%s\" is too long for the kernel",
                           options->bpf_filter);
    return result;
}

static int open_sockets(struct live_group *group, const struct capture_options *options,
                        struct error *error) {
    for (size_t i = 0; i < group->count; i++) {
        struct share *share = &group->shares[i];
        while (share->reserve_count < RINGS_MAX) {
            struct packet_ring ring;
            int result = packet_ring_open(&ring);
            if (result == -EPERM)
                return error_set(error, EPERM, EX_NOPERM, "no permission to capture on the interface %s; %s",
                                 live_interfaces_name(group->interfaces),
                                 options->permission_remedy != NULL ? options->permission_remedy
                                                                    : "it needs cap_net_raw");
            if (result < 0)
                return error_set(error, -result, EX_OSERR, "can't capture on the interface %s: %s",
                                 live_interfaces_name(group->interfaces), strerror(-result));
            share->reserve[share->reserve_count++] = ring.descriptor;
        }
    }
    return 0;
}

static int first_rings(struct live_group *group, struct error *error) {
    const char *name = live_interfaces_name(group->interfaces);
    size_t count;
    const uint32_t *indices = live_interfaces_list(group->interfaces, &count);
    int result = live_group_replace(group, group->binds ? indices[0] : 0);
    if (result == -ENETDOWN)
        return error_set(error, ENETDOWN, EX_NOINPUT, "the interface %s is down; ip link set %s up", name,
                         name);
    if (result < 0 && group->count > 1)
        return error_set(error, -result, EX_OSERR,
                         "can't capture on %s with %zu meters: %s; a smaller capture.socket_buffer_size or "
                         "meter.n_meters = 1 takes less",
                         name, group->count, strerror(-result));
    if (result < 0)
        return error_set(error, -result, EX_OSERR, "can't capture on %s: %s", name, strerror(-result));
    return 0;
}

static int live_group_start(struct live_group *group, const struct capture_options *options,
                            struct error *error) {
    group->ring = (struct packet_ring_options){
        .bytes = options->socket_buffer_size != 0 ? options->socket_buffer_size : RING_BYTES_DEFAULT,
        .block_milliseconds = capture_block_milliseconds(options),
        .segment_sizes = options->segment_sizes};
    group->promiscuous = options->promiscuous_mode;
    group->snapshot_length = options->snapshot_length;
    int result = live_interfaces_open(options, &group->interfaces, error);
    if (result == 0)
        result = open_sockets(group, options, error);
    if (result == 0)
        look_at_first(group);
    if (result == 0)
        result = make_filter(group, options, error);
    if (result == 0)
        result = first_rings(group, error);
    group->started = true;
    return result;
}

static void release_share(struct share *share) {
    if (atomic_load(&share->waits))
        packet_ring_close(&share->coming.ring);
    while (share->reserve_count > 0)
        packet_ring_close(&(struct packet_ring){.descriptor = share->reserve[--share->reserve_count]});
}

static void release(struct live_group *group) {
    for (size_t i = 0; i < group->count; i++)
        release_share(&group->shares[i]);
    live_filter_destroy(group->filter);
    live_interfaces_close(group->interfaces);
    free(group);
}

int live_group_open(const struct capture_options *options, size_t count, struct live_group **opened,
                    struct error *error) {
    struct live_group *group = calloc(1, sizeof *group + count * sizeof *group->shares);
    if (group == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory to capture on %s", options->interfaces[0]);
    group->count = group->open = count;
    int result = live_group_start(group, options, error);
    if (result < 0)
        release(group);
    else
        *opened = group;
    return result;
}

void live_group_close(struct live_group *group) {
    if (--group->open == 0)
        release(group);
}
