#include "base/own_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    PLACES = 256,   /* connections at once, and those that were closed lately */
    HELD_MOST = 32, /* closed sockets: a broker that accepts and closes must not use up the descriptors */
    PORT_ATTEMPTS = 16,
    /* How long a closed socket's port is held. The kernel repeats the FIN until it gives up on a peer that is gone.
     * After a refusal or a reset only packets that still wait in the capture's ring follow. */
    LINGER_MICROSECONDS = 120 * 1000000,
    SHORT_LINGER_MICROSECONDS = 10 * 1000000,
    /* The kernel asks a peer again after 1 and 3 s, newer ones each second; then after twice as long each time. */
    CONNECT_MICROSECONDS = 3200000,
    SENT_AGAIN_MOST = 4, /* within 3 s to a peer that is near */
    IN_USE = 1 << 16,    /* in an entry's `key`, above the port */
    IS_IPV6 = 1 << 17,
    TURN = 1 << 18,
};

/* A seqlock: written with the mutex held, read without. A reader loads the key once more after the address; each change makes
 * it another one, which is never used again. */
struct entry {
    _Atomic uint64_t key; /* a number that grows with each change; IS_IPV6, IN_USE, port */
    _Atomic uint64_t address[2];
};

static struct entry entries[PLACES];
static atomic_size_t entry_count; /* places that were ever used */
_Atomic uint64_t own_socket_ports[1024];

/* Protects what follows: of each place, the descriptor, when it was entered, and until when it is held after it was closed;
 * 0: it wasn't. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int descriptors[PLACES];
static int64_t entered[PLACES];
static int64_t held_until[PLACES];
static bool told;
static atomic_bool on;

struct own_end {
    uint8_t address[16];
    uint16_t port;
    bool is_ipv6;
};

void own_sockets_enable(bool enabled) {
    atomic_store(&on, enabled);
}

bool own_sockets_enabled(void) {
    return atomic_load(&on);
}

static bool read_end(const struct sockaddr_storage *from, struct own_end *end) {
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    memcpy(&ipv4, from, sizeof ipv4);
    memcpy(&ipv6, from, sizeof ipv6);
    memset(end, 0, sizeof *end);
    if (from->ss_family == AF_INET) {
        memcpy(end->address, &ipv4.sin_addr, sizeof ipv4.sin_addr);
        end->port = ntohs(ipv4.sin_port);
        return true;
    }
    end->port = ntohs(ipv6.sin6_port);
    end->is_ipv6 = !IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr);
    if (end->is_ipv6)
        memcpy(end->address, &ipv6.sin6_addr, sizeof end->address);
    else
        memcpy(end->address, &ipv6.sin6_addr.s6_addr[12], sizeof(struct in_addr));
    return from->ss_family == AF_INET6;
}

/* The local address that the kernel would choose for this peer: a connected datagram socket tells it and sends
 * nothing. */
static bool address_towards(const struct sockaddr *peer, socklen_t length, struct own_end *end) {
    struct sockaddr_storage local = {0};
    socklen_t size = sizeof local;
    int probe = socket(peer->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool known = probe >= 0 && connect(probe, peer, length) == 0 &&
                 getsockname(probe, (struct sockaddr *)&local, &size) == 0 && read_end(&local, end);
    if (probe >= 0)
        close(probe);
    return known;
}

static void set_port(struct sockaddr_storage *address, in_port_t port) {
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)address)->sin_port = port;
    else
        ((struct sockaddr_in6 *)address)->sin6_port = port;
}

/* A port that is free now, in network byte order; 0: none. */
static in_port_t free_port(int family) {
    struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
    socklen_t size = sizeof any;
    struct own_end end = {0};
    int probe = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0 && bind(probe, (struct sockaddr *)&any, sizeof any) == 0 &&
        getsockname(probe, (struct sockaddr *)&any, &size) == 0)
        read_end(&any, &end);
    if (probe >= 0)
        close(probe);
    return htons(end.port);
}

/* Binds to an explicit port, which the kernel keeps for the socket until close(). A port that the kernel chose itself
 * is free again as soon as a connection is refused or reset. */
static uint16_t bind_for_good(int descriptor, int family) {
    for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
        struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
        in_port_t port = free_port(family);
        set_port(&any, port);
        if (port != 0 && bind(descriptor, (struct sockaddr *)&any, sizeof any) == 0)
            return ntohs(port);
    }
    return 0;
}

static uint64_t next_turn(const struct entry *entry) {
    return (atomic_load_explicit(&entry->key, memory_order_relaxed) | (TURN - 1)) + 1;
}

static void show_port(uint16_t port) {
    atomic_fetch_or(&own_socket_ports[port / 64], UINT64_C(1) << port % 64);
}

static void entry_write(size_t place, int descriptor, const struct own_end *end) {
    struct entry *entry = &entries[place];
    uint64_t words[2];
    uint64_t turn = next_turn(entry);
    memcpy(words, end->address, sizeof words);
    atomic_store(&entry->key, turn);
    atomic_store(&entry->address[0], words[0]);
    atomic_store(&entry->address[1], words[1]);
    atomic_store(&entry->key, turn + TURN + (end->is_ipv6 ? IS_IPV6 : 0) + IN_USE + end->port);
    show_port(end->port);
    descriptors[place] = descriptor;
    entered[place] = clock_monotonic();
    held_until[place] = 0;
    if (place >= atomic_load(&entry_count))
        atomic_store(&entry_count, place + 1);
}

static bool is_used(size_t place) {
    return (atomic_load_explicit(&entries[place].key, memory_order_relaxed) & IN_USE) != 0;
}

/* IPv4 and IPv6 may have a socket each with one port. */
static bool has_port(uint16_t port) {
    for (size_t i = 0; i < atomic_load(&entry_count); i++)
        if (is_used(i) && (uint16_t)atomic_load(&entries[i].key) == port)
            return true;
    return false;
}

static void entry_clear(size_t place) {
    struct entry *entry = &entries[place];
    uint16_t port = (uint16_t)atomic_load(&entry->key);
    atomic_store(&entry->key, next_turn(entry));
    if (!has_port(port))
        atomic_fetch_and(&own_socket_ports[port / 64], ~(UINT64_C(1) << port % 64));
    close(descriptors[place]);
    held_until[place] = 0;
}

static bool is_over(int descriptor) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    return getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_CLOSE;
}

/* Once both ends have closed, only packets that still wait in the capture's ring follow. */
static void shorten(size_t place, int64_t now) {
    if (held_until[place] - SHORT_LINGER_MICROSECONDS > now && is_over(descriptors[place]))
        held_until[place] = now + SHORT_LINGER_MICROSECONDS;
}

/* Closes the sockets that have been held for long enough, and the oldest ones if there are too many. */
static void close_expired(int64_t now) {
    size_t held = 0, first = PLACES;
    for (size_t i = 0; i < atomic_load(&entry_count); i++) {
        if (!is_used(i) || held_until[i] == 0)
            continue;
        shorten(i, now);
        if (held_until[i] <= now) {
            entry_clear(i);
            continue;
        }
        held++;
        if (first == PLACES || held_until[i] < held_until[first])
            first = i;
    }
    if (held > HELD_MOST)
        entry_clear(first);
}

/* A free place; else that of the held socket whose time ends first; PLACES: all are open connections. */
static size_t find_place(void) {
    size_t oldest = PLACES;
    for (size_t i = 0; i < PLACES; i++) {
        if (!is_used(i))
            return i;
        if (held_until[i] != 0 && (oldest == PLACES || held_until[i] < held_until[oldest]))
            oldest = i;
    }
    if (oldest < PLACES)
        entry_clear(oldest);
    return oldest;
}

static size_t find_descriptor(int descriptor) {
    for (size_t i = 0; i < atomic_load(&entry_count); i++)
        if (is_used(i) && held_until[i] == 0 && descriptors[i] == descriptor)
            return i;
    return PLACES;
}

static void tell_once(const char *reason) {
    if (!told)
        log_line(
            LOG_WARNING,
            "capture.exclude_self: a connection of the sensor's own can't be recognised (%s); its packets "
            "are metered",
            reason);
    told = true;
}

void own_socket_prepare(int descriptor, const struct sockaddr *peer, socklen_t length) {
    struct own_end end;
    if (!own_sockets_enabled() || (peer->sa_family != AF_INET && peer->sa_family != AF_INET6))
        return;
    bool known = address_towards(peer, length, &end); /* false: there is no route to the peer */
    pthread_mutex_lock(&mutex);
    close_expired(clock_monotonic());
    size_t place = known ? find_place() : PLACES;
    if (known && place == PLACES)
        tell_once("there are too many");
    else if (known && (end.port = bind_for_good(descriptor, peer->sa_family)) == 0)
        tell_once("it has no port of its own");
    else if (known)
        entry_write(place, descriptor, &end);
    pthread_mutex_unlock(&mutex);
}

/* The local address is unspecified after a refused connection. */
static bool is_unspecified(const struct own_end *end) {
    static const uint8_t none[sizeof end->address];
    return memcmp(end->address, none, sizeof none) == 0;
}

/* Enters the address that the socket has now, if a route changed since it was entered. */
static void entry_correct(int descriptor) {
    struct sockaddr_storage local = {0};
    socklen_t size = sizeof local;
    struct own_end end;
    pthread_mutex_lock(&mutex);
    size_t place = find_descriptor(descriptor);
    if (place < PLACES && getsockname(descriptor, (struct sockaddr *)&local, &size) == 0 &&
        read_end(&local, &end) && !is_unspecified(&end) &&
        !own_socket_has(end.is_ipv6 ? 6 : 4, end.address, end.port))
        entry_write(place, descriptor, &end);
    pthread_mutex_unlock(&mutex);
}

int own_socket_connect(int descriptor, const struct sockaddr *peer, socklen_t length) {
    own_socket_prepare(descriptor, peer, length);
    int result = connect(descriptor, peer, length) < 0 ? errno : 0;
    if (result != 0 && result != EINPROGRESS)
        return result;
    entry_correct(descriptor);
    return 0;
}

int own_socket_close(int descriptor) {
    pthread_mutex_lock(&mutex);
    int64_t now = clock_monotonic();
    size_t place = find_descriptor(descriptor);
    if (place < PLACES) {
        held_until[place] = now + (is_over(descriptor) ? SHORT_LINGER_MICROSECONDS : LINGER_MICROSECONDS);
        shutdown(descriptor, SHUT_RDWR);
    }
    close_expired(now);
    pthread_mutex_unlock(&mutex);
    return place < PLACES ? 0 : close(descriptor);
}

static bool is_unanswered(size_t place, int64_t now) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (getsockopt(descriptors[place], IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        return false;
    if (info.tcpi_state == TCP_SYN_SENT)
        return now - entered[place] >= CONNECT_MICROSECONDS;
    return info.tcpi_state == TCP_ESTABLISHED && info.tcpi_retransmits >= SENT_AGAIN_MOST;
}

void own_sockets_cut_unanswered(void) {
    pthread_mutex_lock(&mutex);
    int64_t now = clock_monotonic();
    for (size_t i = 0; i < atomic_load(&entry_count); i++)
        if (is_used(i) && held_until[i] == 0 && is_unanswered(i, now))
            shutdown(descriptors[i], SHUT_RDWR);
    pthread_mutex_unlock(&mutex);
}

void own_sockets_release(void) {
    pthread_mutex_lock(&mutex);
    close_expired(INT64_MAX);
    pthread_mutex_unlock(&mutex);
}

bool own_socket_has(uint8_t ip_version, const uint8_t address[16], uint16_t port) {
    uint64_t words[2];
    uint64_t wanted = (ip_version == 6 ? IS_IPV6 : 0) + IN_USE + port;
    size_t count = atomic_load_explicit(&entry_count, memory_order_acquire);
    memcpy(words, address, sizeof words);
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &entries[i];
        uint64_t key = atomic_load_explicit(&entry->key, memory_order_acquire);
        if ((key & (TURN - 1)) != wanted ||
            atomic_load_explicit(&entry->address[0], memory_order_acquire) != words[0] ||
            atomic_load_explicit(&entry->address[1], memory_order_acquire) != words[1])
            continue;
        if (atomic_load_explicit(&entry->key, memory_order_relaxed) == key)
            return true;
    }
    return false;
}
