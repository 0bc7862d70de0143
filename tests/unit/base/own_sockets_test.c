/* Real connections over loopback: what is known of them, and that their ports stay theirs. */
#include "base/own_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "skip.h"
#include "wait.h"

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_storage storage;
};

static const uint8_t loopback_4[16] = {127, 0, 0, 1}, loopback_6[16] = {[15] = 1};

static union address address_of(int family, uint16_t port) {
    union address address = {.storage.ss_family = (sa_family_t)family};
    if (family == AF_INET6) {
        address.ipv6.sin6_port = htons(port);
        address.ipv6.sin6_addr = in6addr_loopback;
    } else {
        address.ipv4.sin_port = htons(port);
        address.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    return address;
}

static uint16_t local_port(int descriptor) {
    union address address = {.storage = {0}};
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(descriptor, &address.any, &size), 0);
    return ntohs(address.ipv4.sin_port); /* at the same place in both */
}

/* A listener on loopback and its address. */
static int listen_on(int family, union address *address) {
    int listener = socket(family, SOCK_STREAM, 0);
    *address = address_of(family, 0);
    if (listener < 0 || bind(listener, &address->any, sizeof *address) < 0)
        skip_because("this host has no IPv6");
    assert_int_equal(listen(listener, 1024), 0);
    *address = address_of(family, local_port(listener));
    return listener;
}

static int connect_to(const union address *address) {
    int descriptor = socket(address->any.sa_family, SOCK_STREAM, 0);
    assert_int_equal(own_socket_connect(descriptor, &address->any, sizeof *address), 0);
    return descriptor;
}

/* Whether somebody else can have the port. */
static bool is_free(uint16_t port) {
    union address address = address_of(AF_INET, port);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    bool bound = bind(descriptor, &address.any, sizeof address) == 0;
    close(descriptor);
    return bound;
}

static int enable(void **state) {
    (void)state;
    own_sockets_enable(true);
    return 0;
}

static int release(void **state) {
    (void)state;
    own_sockets_release();
    for (size_t i = 0; i < 1024; i++)
        assert_int_equal(own_socket_ports[i], 0);
    return 0;
}

static void check_connection(int family, uint8_t version, const uint8_t address[16]) {
    union address peer;
    int listener = listen_on(family, &peer), own = connect_to(&peer);
    uint16_t port = local_port(own);
    assert_true(own_socket_has_port(port));
    assert_true(own_socket_has(version, address, port));
    assert_false(own_socket_has(version, address, local_port(listener)));
    assert_false(own_socket_has(version == 4 ? 6 : 4, address, port));
    uint8_t other[16];
    memcpy(other, address, sizeof other);
    other[3] ^= 1;
    assert_false(own_socket_has(version, other, port));
    other[3] ^= 1;
    other[15] ^= 2;
    assert_false(own_socket_has(version, other, port));
    own_socket_close(own);
    close(listener);
}

static void a_connection_is_known(void **state) {
    (void)state;
    check_connection(AF_INET, 4, loopback_4);
    check_connection(AF_INET6, 6, loopback_6);
}

static void ipv4_by_an_ipv6_socket_is_ipv4(void **state) {
    (void)state;
    union address peer, mapped = {.storage.ss_family = AF_INET6};
    int listener = listen_on(AF_INET, &peer);
    mapped.ipv6.sin6_port = peer.ipv4.sin_port;
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.ipv6.sin6_addr);
    int own = socket(AF_INET6, SOCK_STREAM, 0);
    if (own < 0 || own_socket_connect(own, &mapped.any, sizeof mapped.ipv6) != 0)
        skip_because("this host's IPv6 sockets don't connect by IPv4");
    assert_true(own_socket_has(4, loopback_4, local_port(own)));
    own_socket_close(own);
    close(listener);
}

static void a_closed_one_is_known_for_a_while_and_keeps_its_port(void **state) {
    (void)state;
    union address peer;
    int listener = listen_on(AF_INET, &peer), own = connect_to(&peer);
    uint16_t port = local_port(own);
    char byte;
    int accepted = accept(listener, NULL, NULL);
    assert_int_equal(own_socket_close(own), 0);
    assert_int_equal(recv(accepted, &byte, 1, 0), 0); /* the peer hears of the end at once */
    close(accepted);
    assert_true(own_socket_has(4, loopback_4, port));
    assert_false(is_free(port));
    own_sockets_release();
    assert_false(own_socket_has_port(port));
    assert_false(own_socket_has(4, loopback_4, port));
    close(listener);
}

/* The kernel takes back a port that it chose itself as soon as a connection is refused or reset. */
static void a_port_stays_its_sockets_after_a_reset(void **state) {
    (void)state;
    union address peer;
    struct linger abort = {.l_onoff = 1};
    char byte;
    int listener = listen_on(AF_INET, &peer), own = connect_to(&peer);
    uint16_t port = local_port(own);
    int accepted = accept(listener, NULL, NULL);
    setsockopt(accepted, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    close(accepted);
    assert_int_equal(recv(own, &byte, 1, 0), -1);
    assert_false(is_free(port));
    own_socket_close(own);
    assert_false(is_free(port));
    close(listener);
}

static void a_refused_one_is_known_too(void **state) {
    (void)state;
    union address peer;
    close(listen_on(AF_INET, &peer));
    int own = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(own_socket_connect(own, &peer.any, sizeof peer), ECONNREFUSED);
    uint16_t port = local_port(own);
    assert_true(own_socket_has(4, loopback_4, port));
    own_socket_close(own);
    assert_true(own_socket_has(4, loopback_4, port));
}

static void one_that_does_not_block_is_known_while_it_connects(void **state) {
    (void)state;
    union address peer;
    int listener = listen_on(AF_INET, &peer), own = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(own_socket_connect(own, &peer.any, sizeof peer), 0);
    assert_true(own_socket_has(4, loopback_4, local_port(own)));
    own_socket_close(own);
    close(listener);
}

static int connect_soon(const union address *peer) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(own_socket_connect(descriptor, &peer->any, sizeof *peer), 0);
    return descriptor;
}

static int tcp_state(int descriptor) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    assert_int_equal(getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_state;
}

static bool has_ended(int descriptor) {
    struct pollfd look = {.fd = descriptor};
    own_sockets_cut_unanswered();
    return poll(&look, 1, 0) == 1 && (look.revents & POLLHUP) != 0;
}

/* The kernel answers no more than it lets wait to be accepted. */
static void one_that_nobody_answers_is_cut(void **state) {
    (void)state;
    enum { WAITING = 2 };
    union address peer;
    int listener = listen_on(AF_INET, &peer), waiting[WAITING];
    assert_int_equal(listen(listener, WAITING - 1), 0);
    for (int i = 0; i < WAITING; i++)
        waiting[i] = connect_soon(&peer);
    int64_t began = clock_monotonic();
    int own = connect_soon(&peer);
    own_sockets_cut_unanswered();
    assert_int_equal(tcp_state(own), TCP_SYN_SENT);
    wait_until(has_ended(own), 10, "the end of an attempt");
    assert_true(clock_monotonic() - began >= 3000000);
    for (int i = 0; i < WAITING; i++) {
        assert_int_equal(tcp_state(waiting[i]), TCP_ESTABLISHED);
        own_socket_close(waiting[i]);
    }
    own_socket_close(own);
    close(listener);
}

static void without_being_asked_nothing_is_done(void **state) {
    (void)state;
    union address peer;
    own_sockets_enable(false);
    int listener = listen_on(AF_INET, &peer), own = connect_to(&peer);
    uint16_t port = local_port(own);
    assert_false(own_socket_has_port(port));
    assert_int_equal(own_socket_close(own), 0);
    assert_int_equal(fcntl(own, F_GETFD), -1);
    close(listener);
}

static void a_descriptor_of_others_is_just_closed(void **state) {
    (void)state;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(own_socket_close(descriptor), 0);
    assert_int_equal(own_socket_close(descriptor), -1);
    assert_int_equal(errno, EBADF);
}

/* Those that were closed make room; what finds none connects all the same. */
static void there_is_room_for_some_hundred(void **state) {
    (void)state;
    enum { MANY = 256 };
    static int owns[MANY];
    union address peer;
    int listener = listen_on(AF_INET, &peer);
    for (int i = 0; i < MANY; i++) {
        owns[i] = connect_to(&peer);
        close(accept(listener, NULL, NULL));
    }
    int over = connect_to(&peer);
    close(accept(listener, NULL, NULL));
    assert_false(own_socket_has(4, loopback_4, local_port(over)));
    uint16_t first = local_port(owns[0]);
    own_socket_close(owns[0]);
    int next = connect_to(&peer);
    close(accept(listener, NULL, NULL));
    assert_true(own_socket_has(4, loopback_4, local_port(next)));
    assert_false(own_socket_has(4, loopback_4, first));
    own_socket_close(over);
    own_socket_close(next);
    for (int i = 1; i < MANY; i++)
        own_socket_close(owns[i]);
    close(listener);
}

static int open_descriptors(void) {
    int count = 0;
    for (int i = 0; i < 1024; i++)
        count += fcntl(i, F_GETFD) >= 0;
    return count;
}

/* As from a broker that accepts and closes, again and again. */
static void few_closed_ones_are_held(void **state) {
    (void)state;
    union address peer;
    int listener = listen_on(AF_INET, &peer), before = open_descriptors();
    for (int i = 0; i < 200; i++) {
        int own = connect_to(&peer);
        close(accept(listener, NULL, NULL));
        own_socket_close(own);
    }
    assert_in_range(open_descriptors() - before, 1, 33);
    close(listener);
}

/* Threads that come and go while the packet path looks: nothing is found that is not there, all that is there is. */

static _Atomic bool enough;
static _Atomic unsigned wrong;

static void *come_and_go(void *context) {
    const union address *peer = context;
    for (int i = 0; i < 200; i++)
        own_socket_close(connect_to(peer));
    return NULL;
}

static void *take(void *context) {
    int listener = *(int *)context;
    for (int taken; (taken = accept(listener, NULL, NULL)) >= 0;)
        close(taken);
    return NULL;
}

static void *look(void *context) {
    (void)context;
    static const uint8_t nowhere[16] = {203, 0, 113, 9};
    while (!atomic_load(&enough))
        for (uint32_t port = 1024; port < 65536; port++)
            wrong += own_socket_has_port((uint16_t)port) && own_socket_has(4, nowhere, (uint16_t)port);
    return NULL;
}

static void readers_need_no_lock(void **state) {
    (void)state;
    union address peer;
    pthread_t writers[2], taker, reader;
    int listener = listen_on(AF_INET, &peer), stays = connect_to(&peer);
    uint16_t port = local_port(stays);
    atomic_store(&enough, false);
    pthread_create(&taker, NULL, take, &listener);
    pthread_create(&reader, NULL, look, NULL);
    for (int i = 0; i < 2; i++)
        pthread_create(&writers[i], NULL, come_and_go, &peer);
    for (int i = 0; i < 100000; i++)
        assert_true(own_socket_has_port(port) && own_socket_has(4, loopback_4, port));
    for (int i = 0; i < 2; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&enough, true);
    pthread_join(reader, NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    own_socket_close(stays);
    shutdown(listener, SHUT_RDWR);
    pthread_join(taker, NULL);
    close(listener);
}

#define ENABLED(test) cmocka_unit_test_setup_teardown(test, enable, release)

int main(void) {
    const struct CMUnitTest tests[] = {
        ENABLED(a_connection_is_known),
        ENABLED(ipv4_by_an_ipv6_socket_is_ipv4),
        ENABLED(a_closed_one_is_known_for_a_while_and_keeps_its_port),
        ENABLED(a_port_stays_its_sockets_after_a_reset),
        ENABLED(a_refused_one_is_known_too),
        ENABLED(one_that_does_not_block_is_known_while_it_connects),
        ENABLED(one_that_nobody_answers_is_cut),
        ENABLED(without_being_asked_nothing_is_done),
        ENABLED(a_descriptor_of_others_is_just_closed),
        ENABLED(there_is_room_for_some_hundred),
        ENABLED(few_closed_ones_are_held),
        ENABLED(readers_need_no_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
