#include "meter/process/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

enum {
    FIRST_BUCKETS = 1024,
    SIGHTINGS_MAX = 1 << 18,
    ATTEMPTS_MAX = 4,
    NEAR_ATTEMPTS = 2,   /* among the processes of its namespace; then everywhere */
    CLOCK_SLACK = 1000,  /* microseconds between a packet's stamp and what is seen of sockets */
    QUEUE_SLACK = 10000, /* a packet may be stamped when it leaves a queue, when its socket is already gone */
    SYN_SLACK = 10000,   /* a socket that was seen this long before a SYN did not begin with it */
};

int sockets_create(struct sockets *sockets) {
    *sockets = (struct sockets){.bucket_count = FIRST_BUCKETS};
    sockets->buckets = calloc(FIRST_BUCKETS, sizeof(struct sighting *));
    sockets->by_cookie = calloc(FIRST_BUCKETS, sizeof(struct sighting *));
    return sockets->buckets != NULL && sockets->by_cookie != NULL ? 0 : -ENOMEM;
}

static bool is_unresolved(const struct sighting *sighting) {
    return sighting->process == NULL && sighting->report.inode != 0 && sighting->gone_at == NEVER &&
           sighting->attempts < ATTEMPTS_MAX;
}

bool sighting_is_near(const struct sighting *sighting) {
    return is_unresolved(sighting) && sighting->attempts < NEAR_ATTEMPTS;
}

bool sighting_is_urgent(const struct sighting *sighting) {
    return sighting_is_near(sighting) && sighting->asked_for;
}

/* Every change of what is_unresolved() depends on is between these two. */
static void begin_change(struct sockets *sockets, const struct sighting *sighting) {
    sockets->unresolved -= is_unresolved(sighting);
    sockets->near -= sighting_is_near(sighting);
    sockets->urgent -= sighting_is_urgent(sighting);
}

static void end_change(struct sockets *sockets, const struct sighting *sighting) {
    sockets->unresolved += is_unresolved(sighting);
    sockets->near += sighting_is_near(sighting);
    sockets->urgent += sighting_is_urgent(sighting);
}

/* `time` is when it was gone at the latest. */
static void set_gone(struct sockets *sockets, struct sighting *sighting, int64_t time) {
    if (sighting->gone_at <= time)
        return;
    begin_change(sockets, sighting);
    sighting->gone_at = time;
    end_change(sockets, sighting);
}

static void set_there(struct sockets *sockets, struct sighting *sighting) {
    begin_change(sockets, sighting);
    sighting->gone_at = NEVER;
    end_change(sockets, sighting);
}

static void free_sighting(struct sockets *sockets, struct sighting *sighting) {
    begin_change(sockets, sighting);
    sockets->count--;
    if (sighting->process != NULL)
        atomic_fetch_sub_explicit(&sighting->process->references, 1, memory_order_release);
    free(sighting);
}

void sockets_destroy(struct sockets *sockets) {
    for (size_t i = 0; sockets->buckets != NULL && i < sockets->bucket_count; i++) {
        struct sighting *next;
        for (struct sighting *at = sockets->buckets[i]; at != NULL; at = next) {
            next = at->next;
            free_sighting(sockets, at);
        }
    }
    free(sockets->buckets);
    free(sockets->by_cookie);
    *sockets = (struct sockets){0};
}

static uint64_t mix_bits(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* Over everything but the local address, which may be a wildcard; `remote` likewise, so that both are looked up. */
static size_t bucket_of(const struct sockets *sockets, uint32_t namespace_number, uint8_t protocol,
                        uint16_t local_port, const struct endpoint *remote) {
    uint64_t words[2];
    memcpy(words, remote->address, sizeof(words));
    uint64_t hash =
        mix_bits(namespace_number, (uint64_t)protocol << 32 | (uint64_t)local_port << 16 | remote->port);
    hash = mix_bits(mix_bits(hash, words[0]), words[1]);
    return hash & (sockets->bucket_count - 1);
}

static struct sighting **bucket_of_report(const struct sockets *sockets, uint32_t namespace_number,
                                          const struct socket_report *report) {
    const struct connection *connection = &report->connection;
    return &sockets->buckets[bucket_of(sockets, namespace_number, connection->protocol,
                                       connection->local.port, &connection->remote)];
}

static struct sighting **cookie_bucket(const struct sockets *sockets, uint64_t cookie) {
    return &sockets->by_cookie[mix_bits(0, cookie) & (sockets->bucket_count - 1)];
}

static void link_sighting(struct sockets *sockets, struct sighting *sighting) {
    struct sighting **bucket = bucket_of_report(sockets, sighting->namespace_number, &sighting->report);
    sighting->next = *bucket;
    *bucket = sighting;
    bucket = cookie_bucket(sockets, sighting->report.cookie);
    sighting->next_by_cookie = *bucket;
    *bucket = sighting;
}

static void unlink_by_cookie(struct sockets *sockets, struct sighting *sighting) {
    struct sighting **link = cookie_bucket(sockets, sighting->report.cookie);
    while (*link != sighting)
        link = &(*link)->next_by_cookie;
    *link = sighting->next_by_cookie;
}

static void sockets_grow(struct sockets *sockets) {
    struct sockets larger = *sockets;
    larger.bucket_count *= 2;
    larger.buckets = calloc(larger.bucket_count, sizeof(struct sighting *));
    larger.by_cookie = calloc(larger.bucket_count, sizeof(struct sighting *));
    if (larger.buckets == NULL || larger.by_cookie == NULL) {
        free(larger.buckets);
        free(larger.by_cookie);
        return; /* longer chains do too */
    }
    for (size_t i = 0; i < sockets->bucket_count; i++) {
        struct sighting *next;
        for (struct sighting *at = sockets->buckets[i]; at != NULL; at = next) {
            next = at->next;
            link_sighting(&larger, at);
        }
    }
    free(sockets->buckets);
    free(sockets->by_cookie);
    sockets->buckets = larger.buckets;
    sockets->by_cookie = larger.by_cookie;
    sockets->bucket_count = larger.bucket_count;
}

/* The next sighting of the socket from `at` on. */
static struct sighting *same_socket(struct sighting *at, uint32_t namespace_number, uint64_t cookie) {
    while (at != NULL && (at->report.cookie != cookie || at->namespace_number != namespace_number))
        at = at->next_by_cookie;
    return at;
}

static bool same_name(const struct socket_report *one, const struct socket_report *other) {
    return one->connection.local.port == other->connection.local.port &&
           memcmp(&one->connection.remote, &other->connection.remote, sizeof(struct endpoint)) == 0;
}

static struct sighting *sockets_insert(struct sockets *sockets, uint32_t namespace_number,
                                       const struct socket_report *report) {
    if (sockets->count >= SIGHTINGS_MAX)
        return NULL;
    struct sighting *new = calloc(1, sizeof(*new));
    if (new == NULL)
        return NULL;
    if (sockets->count >= sockets->bucket_count)
        sockets_grow(sockets);
    new->report = *report;
    new->namespace_number = namespace_number;
    new->first_seen = new->gone_at = NEVER;
    link_sighting(sockets, new);
    sockets->count++;
    end_change(sockets, new);
    return new;
}

void sockets_resolve(struct sockets *sockets, struct sighting *sighting, struct process *process) {
    begin_change(sockets, sighting);
    sighting->process = process;
    end_change(sockets, sighting);
    atomic_fetch_add_explicit(&process->references, 1, memory_order_relaxed);
}

/* The socket is there under another name (a UDP socket that was connected), held by the same process. */
static void rename_sighting(struct sockets *sockets, struct sighting *from, struct sighting *to,
                            int64_t now) {
    set_gone(sockets, from, now);
    if (from->process != NULL && to->process == NULL && from->report.inode == to->report.inode)
        sockets_resolve(sockets, to, from->process);
}

/* It was accepted. What was tried for another inode does not count. */
static void set_inode(struct sockets *sockets, struct sighting *sighting, uint32_t inode) {
    begin_change(sockets, sighting);
    sighting->report.inode = inode;
    sighting->attempts = 0;
    end_change(sockets, sighting);
}

bool sockets_seen(struct sockets *sockets, uint32_t namespace_number, const struct socket_report *report,
                  const struct look *look) {
    struct sighting *sighting = NULL, *other = NULL;
    struct sighting *at =
        same_socket(*cookie_bucket(sockets, report->cookie), namespace_number, report->cookie);
    for (; at != NULL; at = same_socket(at->next_by_cookie, namespace_number, report->cookie))
        *(same_name(&at->report, report) ? &sighting : &other) = at;
    if (sighting == NULL) {
        sighting = sockets_insert(sockets, namespace_number, report);
        if (sighting == NULL)
            return false;
        sighting->absent_before = look->checked_at;
        sighting->first_seen = look->after;
    } else if (sighting->report.inode != report->inode) {
        set_inode(sockets, sighting, report->inode);
    }
    sighting->last_seen = look->before;
    set_there(sockets, sighting);
    if (other != NULL)
        rename_sighting(sockets, other, sighting, look->after);
    return true;
}

bool sockets_destroyed(struct sockets *sockets, uint32_t namespace_number, const struct socket_report *report,
                       int64_t now) {
    struct sighting *at =
        same_socket(*cookie_bucket(sockets, report->cookie), namespace_number, report->cookie);
    if (at == NULL && (at = sockets_insert(sockets, namespace_number, report)) == NULL)
        return false;
    for (; at != NULL; at = same_socket(at->next_by_cookie, namespace_number, report->cookie))
        set_gone(sockets, at, now);
    return true;
}

void sockets_checked(struct sockets *sockets, uint32_t namespace_number, uint8_t protocol, int64_t started,
                     int64_t now) {
    for (size_t i = 0; i < sockets->bucket_count; i++)
        for (struct sighting *at = sockets->buckets[i]; at != NULL; at = at->next)
            if (at->namespace_number == namespace_number && at->gone_at == NEVER && at->last_seen < started &&
                (protocol == 0 || at->report.connection.protocol == protocol))
                set_gone(sockets, at, now);
}

void sockets_expire(struct sockets *sockets, int64_t limit) {
    for (size_t i = 0; i < sockets->bucket_count; i++) {
        struct sighting **link = &sockets->buckets[i];
        while (*link != NULL) {
            struct sighting *at = *link;
            if (at->gone_at >= limit) {
                link = &at->next;
                continue;
            }
            *link = at->next;
            unlink_by_cookie(sockets, at);
            free_sighting(sockets, at);
        }
    }
}

void sockets_visit_unresolved(struct sockets *sockets,
                              void (*visit)(struct sighting *sighting, void *context), void *context) {
    size_t left = sockets->unresolved;
    for (size_t i = 0; i < sockets->bucket_count && left > 0; i++)
        for (struct sighting *at = sockets->buckets[i]; at != NULL; at = at->next)
            if (is_unresolved(at)) {
                left--;
                visit(at, context);
            }
}

void sockets_attempted(struct sockets *sockets, struct sighting *sighting) {
    begin_change(sockets, sighting);
    sighting->attempts++;
    end_change(sockets, sighting);
}

/* How closely a socket's name fits; the kernel gives a datagram to the closest. */
enum fit { FIT_WILDCARD, FIT_LOCAL, FIT_CONNECTED, FIT_COUNT, FIT_NONE = -1 };

static enum fit fit_of(const struct sighting *sighting, const struct socket_question *question) {
    const struct connection *socket = &sighting->report.connection, *flow = &question->connection;
    bool anywhere = address_is_zero(socket->local.address);
    bool connected = socket->remote.port != 0;
    if (sighting->namespace_number != question->namespace_number || socket->protocol != flow->protocol ||
        socket->local.port != flow->local.port ||
        (socket->ip_version != flow->ip_version && !sighting->report.dual_stack))
        return FIT_NONE;
    if (!anywhere && memcmp(socket->local.address, flow->local.address, sizeof(flow->local.address)) != 0)
        return FIT_NONE;
    if (connected && memcmp(&socket->remote, &flow->remote, sizeof(flow->remote)) != 0)
        return FIT_NONE;
    return connected ? FIT_CONNECTED : anywhere ? FIT_WILDCARD : FIT_LOCAL;
}

/* The processes that the sightings of one fit speak for. */
struct socket_tally {
    struct process *process;
    int count;
    bool unknown; /* one is not resolved */
    bool several; /* different processes */
};

static void tally_process(struct socket_tally *tally, struct process *process, bool unknown) {
    tally->unknown |= unknown;
    if (process == NULL)
        return;
    if (tally->process == NULL)
        tally->process = process;
    else if (tally->process->pid != process->pid || tally->process->start_time != process->start_time)
        tally->several = true;
}

struct socket_tallies {
    struct socket_tally possible[FIT_COUNT], certain[FIT_COUNT];
};

static void tally_sighting(struct socket_tallies *tallies, const struct sighting *sighting,
                           const struct socket_question *question) {
    enum fit fit = fit_of(sighting, question);
    if (fit == FIT_NONE)
        return;
    int64_t alive_until = sighting->last_seen;
    if (sighting->gone_at == NEVER && question->checked_at > alive_until)
        alive_until = question->checked_at;
    bool certain = sighting->first_seen <= question->earliest && alive_until >= question->latest;
    bool possible = sighting->absent_before <= question->latest + CLOCK_SLACK &&
                    sighting->gone_at >= question->earliest - QUEUE_SLACK;
    /* A socket sends its SYN when it begins: one that was there before and not after is its predecessor. */
    bool predecessor = question->opening && !certain && sighting->first_seen != NEVER &&
                       sighting->first_seen < question->earliest - SYN_SLACK;
    bool younger = sighting->first_seen != NEVER && sighting->first_seen > question->no_younger;
    if ((!certain && !possible) || predecessor || younger)
        return;
    tallies->possible[fit].count++;
    tally_process(&tallies->possible[fit], sighting->process, sighting->process == NULL);
    tallies->certain[fit].count += certain;
}

static void tally_bucket(struct socket_tallies *tallies, const struct sockets *sockets,
                         const struct socket_question *question, const struct endpoint *remote) {
    size_t bucket = bucket_of(sockets, question->namespace_number, question->connection.protocol,
                              question->connection.local.port, remote);
    for (const struct sighting *at = sockets->buckets[bucket]; at != NULL; at = at->next)
        if (memcmp(&at->report.connection.remote, remote, sizeof(*remote)) == 0)
            tally_sighting(tallies, at, question);
}

/* All that fit as closely or closer must be one process. */
static enum socket_verdict tallies_agree(const struct socket_tallies *tallies, int least_fit,
                                         struct process **process) {
    struct socket_tally all = {0};
    for (int fit = least_fit; fit < FIT_COUNT; fit++) {
        const struct socket_tally *tally = &tallies->possible[fit];
        all.count += tally->count;
        all.several |= tally->several;
        tally_process(&all, tally->process, tally->unknown);
    }
    *process = all.process;
    if (all.count == 0)
        return SOCKET_UNKNOWN;
    if (all.several)
        return SOCKET_AMBIGUOUS;
    return all.unknown ? SOCKET_UNRESOLVED : SOCKET_FOUND;
}

static bool ask_in(struct sockets *sockets, const struct socket_question *question,
                   const struct endpoint *remote) {
    size_t bucket = bucket_of(sockets, question->namespace_number, question->connection.protocol,
                              question->connection.local.port, remote);
    bool knows = false;
    for (struct sighting *at = sockets->buckets[bucket]; at != NULL; at = at->next) {
        if (at->gone_at != NEVER || fit_of(at, question) == FIT_NONE)
            continue;
        begin_change(sockets, at);
        at->asked_for = true;
        end_change(sockets, at);
        knows |= at->report.inode != 0 && at->first_seen <= question->earliest;
    }
    return knows;
}

bool sockets_ask(struct sockets *sockets, const struct socket_question *question) {
    static const struct endpoint anyone;
    bool connected = ask_in(sockets, question, &question->connection.remote);
    bool wildcard = ask_in(sockets, question, &anyone);
    return connected || wildcard;
}

enum socket_verdict sockets_decide(const struct sockets *sockets, const struct socket_question *question,
                                   struct process **process) {
    static const struct endpoint anyone;
    struct socket_tallies tallies = {0};
    *process = NULL;
    tally_bucket(&tallies, sockets, question, &question->connection.remote);
    /* Of TCP these are sockets that lost their remote end when they were closed: they may have been anybody's. */
    tally_bucket(&tallies, sockets, question, &anyone);
    for (int fit = FIT_COUNT - 1; fit >= 0; fit--)
        if (tallies.certain[fit].count > 0)
            return tallies_agree(&tallies, fit, process);
    /* Another one may have come and gone before we looked. */
    return question->earliest >= question->complete_since ? tallies_agree(&tallies, 0, process)
                                                          : SOCKET_UNKNOWN;
}
