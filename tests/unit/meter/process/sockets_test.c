/* Whose socket was it? What may be decided from looks at sockets, and what may not: times are made up. */
#include "meter/process/sockets.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND = 1000000, PORT = 5000, FAR_PORT = 80, HOME = 1, ABROAD = 2 };

static struct sockets sockets;
static struct process anna = {.pid = 1, .start_time = 10}, bert = {.pid = 2, .start_time = 20};

static int set_up(void **state) {
    (void)state;
    atomic_store(&anna.references, 0);
    atomic_store(&bert.references, 0);
    return sockets_create(&sockets);
}

static int tear_down(void **state) {
    (void)state;
    sockets_destroy(&sockets);
    assert_int_equal(atomic_load(&anna.references), 0);
    assert_int_equal(atomic_load(&bert.references), 0);
    return 0;
}

static struct connection connection(const char *local, const char *remote, uint8_t protocol) {
    struct connection made = {.protocol = protocol, .ip_version = 4};
    if (local != NULL)
        inet_pton(AF_INET, local, made.local.address);
    made.local.port = PORT;
    if (remote != NULL) {
        inet_pton(AF_INET, remote, made.remote.address);
        made.remote.port = FAR_PORT;
    }
    return made;
}

static struct socket_report report(struct connection name, uint64_t cookie) {
    return (struct socket_report){
        .connection = name, .cookie = cookie, .inode = (uint32_t)cookie, .state = TCP_ESTABLISHED};
}

struct resolution {
    uint64_t cookie;
    struct process *process;
};

static void resolve(struct sighting *sighting, void *context) {
    const struct resolution *resolution = context;
    if (sighting->report.cookie == resolution->cookie)
        sockets_resolve(&sockets, sighting, resolution->process);
}

/* Seen at `time`, not yet at `absent`. */
static void see(struct socket_report socket, int64_t absent, int64_t time, struct process *process) {
    struct look look = {.before = time, .after = time, .checked_at = absent};
    struct resolution resolution = {socket.cookie, process};
    assert_true(sockets_seen(&sockets, HOME, &socket, &look));
    if (process != NULL)
        sockets_visit_unresolved(&sockets, resolve, &resolution);
}

static struct connection udp_flow(void) {
    return connection("10.0.0.1", "10.0.0.9", IPPROTO_UDP);
}

static struct connection tcp_flow(void) {
    return connection("10.0.0.1", "10.0.0.9", IPPROTO_TCP);
}

static struct socket_question question_at(struct connection flow, int64_t time) {
    return (struct socket_question){.namespace_number = HOME,
                                    .connection = flow,
                                    .earliest = time,
                                    .latest = time,
                                    .no_younger = NEVER,
                                    .checked_at = time + SECOND};
}

static void assert_verdict(const struct socket_question *question, enum socket_verdict expected,
                           const struct process *process) {
    struct process *found;
    assert_int_equal(sockets_decide(&sockets, question, &found), expected);
    if (expected == SOCKET_FOUND)
        assert_ptr_equal(found, process);
}

static void assert_at(struct connection flow, int64_t time, enum socket_verdict expected,
                      const struct process *process) {
    struct socket_question question = question_at(flow, time);
    assert_verdict(&question, expected, process);
}

static void a_socket_is_found_by_each_of_its_names(void **state) {
    (void)state;
    see(report(udp_flow(), 1), 0, 1 * SECOND, &anna);
    assert_at(udp_flow(), 2 * SECOND, SOCKET_FOUND, &anna);
    assert_at(tcp_flow(), 2 * SECOND, SOCKET_UNKNOWN, NULL);
    assert_at(connection("10.0.0.2", "10.0.0.9", IPPROTO_UDP), 2 * SECOND, SOCKET_UNKNOWN, NULL);
    assert_at(connection("10.0.0.1", "10.0.0.8", IPPROTO_UDP), 2 * SECOND, SOCKET_UNKNOWN, NULL);
    see(report(connection(NULL, NULL, IPPROTO_UDP), 2), 0, 1 * SECOND, &bert);
    /* The closest takes it; the wildcard the rest. */
    assert_at(udp_flow(), 2 * SECOND, SOCKET_FOUND, &anna);
    assert_at(connection("10.0.0.2", "10.0.0.9", IPPROTO_UDP), 2 * SECOND, SOCKET_FOUND, &bert);
    struct socket_question abroad = question_at(udp_flow(), 2 * SECOND);
    abroad.namespace_number = ABROAD;
    assert_verdict(&abroad, SOCKET_UNKNOWN, NULL);
}

static void a_dual_stack_wildcard_takes_both(void **state) {
    (void)state;
    struct socket_report wildcard = report(connection(NULL, NULL, IPPROTO_UDP), 1);
    wildcard.connection.ip_version = 6;
    see(wildcard, 0, 1 * SECOND, &anna);
    assert_at(udp_flow(), 2 * SECOND, SOCKET_UNKNOWN, NULL);
    wildcard.cookie = wildcard.inode = 2;
    wildcard.dual_stack = true;
    see(wildcard, 0, 1 * SECOND, &bert);
    assert_at(udp_flow(), 2 * SECOND, SOCKET_FOUND, &bert);
}

/* The port changes hands between 2 s and 3 s: each flow has its own process, and between them nobody knows. */
static void a_port_that_is_used_again(void **state) {
    (void)state;
    struct socket_report first = report(udp_flow(), 1), second = report(udp_flow(), 2);
    see(first, 0, 1 * SECOND, &anna);
    see(first, 0, 2 * SECOND, NULL);
    sockets_checked(&sockets, HOME, IPPROTO_UDP, 3 * SECOND - 1, 3 * SECOND);
    see(second, 2 * SECOND, 3 * SECOND, &bert);
    assert_at(udp_flow(), 3 * SECOND / 2, SOCKET_FOUND, &anna);
    assert_at(udp_flow(), 5 * SECOND / 2, SOCKET_AMBIGUOUS, NULL);
    assert_at(udp_flow(), 7 * SECOND / 2, SOCKET_FOUND, &bert);
}

/* The kernel says that the first one was destroyed at 2.2 s: a packet at 2.5 s is the second one's. */
static void a_destroyed_socket_narrows_it_down(void **state) {
    (void)state;
    struct socket_report first = report(udp_flow(), 1);
    see(first, 0, 1 * SECOND, &anna);
    assert_true(sockets_destroyed(&sockets, HOME, &first, 22 * SECOND / 10));
    see(report(udp_flow(), 2), 2 * SECOND, 3 * SECOND, &bert);
    assert_at(udp_flow(), 5 * SECOND / 2, SOCKET_FOUND, &bert);
    assert_at(udp_flow(), 2 * SECOND + SECOND / 10, SOCKET_AMBIGUOUS, NULL);
}

/* One that was never seen may have been the sender: the present one is no answer for a packet before its end. */
static void a_socket_that_was_only_heard_of(void **state) {
    (void)state;
    struct socket_report unseen = report(udp_flow(), 1);
    unseen.inode = 0;
    assert_true(sockets_destroyed(&sockets, HOME, &unseen, 2 * SECOND));
    see(report(udp_flow(), 2), SECOND, 3 * SECOND, &bert);
    assert_at(udp_flow(), 19 * SECOND / 10, SOCKET_UNRESOLVED, NULL);
    assert_at(udp_flow(), 5 * SECOND / 2, SOCKET_FOUND, &bert);
}

/* A TCP socket that ends with a reset has lost its remote end when it is heard of. */
static void a_reset_socket_has_lost_its_name(void **state) {
    (void)state;
    struct socket_report first = report(tcp_flow(), 1),
                         nameless = report(connection(NULL, NULL, IPPROTO_TCP), 1);
    see(first, 0, 1 * SECOND, &anna);
    assert_true(sockets_destroyed(&sockets, HOME, &nameless, 2 * SECOND));
    assert_int_equal(sockets.count, 1);
    assert_at(tcp_flow(), 1 * SECOND, SOCKET_FOUND, &anna);
    assert_at(tcp_flow(), 3 * SECOND, SOCKET_UNKNOWN, NULL);
    /* Unseen, it may have been anybody's. */
    nameless.cookie = 2;
    assert_true(sockets_destroyed(&sockets, HOME, &nameless, 4 * SECOND));
    see(report(tcp_flow(), 3), 3 * SECOND, 5 * SECOND, &bert);
    assert_at(tcp_flow(), 35 * SECOND / 10, SOCKET_UNRESOLVED, NULL);
}

static void a_syn_is_not_the_predecessors(void **state) {
    (void)state;
    struct socket_report first = report(tcp_flow(), 1);
    see(first, 0, 1 * SECOND, &anna);
    sockets_checked(&sockets, HOME, IPPROTO_TCP, 3 * SECOND, 3 * SECOND);
    struct socket_question question = question_at(tcp_flow(), 2 * SECOND);
    question.opening = true;
    assert_verdict(&question, SOCKET_UNKNOWN, NULL);
    see(report(tcp_flow(), 2), 1 * SECOND, 3 * SECOND, &bert);
    assert_verdict(&question, SOCKET_FOUND, &bert);
    question.opening = false;
    assert_verdict(&question, SOCKET_AMBIGUOUS, NULL);
}

static void one_that_a_look_did_not_find_is_too_young(void **state) {
    (void)state;
    see(report(udp_flow(), 1), 0, 3 * SECOND, &anna);
    struct socket_question question = question_at(udp_flow(), 2 * SECOND);
    assert_verdict(&question, SOCKET_FOUND, &anna);
    question.no_younger = 2 * SECOND + 1;
    assert_verdict(&question, SOCKET_UNKNOWN, NULL);
}

/* After a loss of events only a socket that was there before and after is sure. */
static void a_loss_leaves_what_is_certain(void **state) {
    (void)state;
    see(report(udp_flow(), 1), 0, 3 * SECOND, &anna);
    struct socket_question question = question_at(udp_flow(), 2 * SECOND);
    question.complete_since = 5 * SECOND / 2;
    assert_verdict(&question, SOCKET_UNKNOWN, NULL);
    question.earliest = question.latest = 4 * SECOND;
    question.complete_since = question.checked_at = 5 * SECOND;
    assert_verdict(&question, SOCKET_FOUND, &anna);
}

static void sockets_that_share_a_port(void **state) {
    (void)state;
    see(report(connection(NULL, NULL, IPPROTO_UDP), 1), 0, 1 * SECOND, &anna);
    see(report(connection(NULL, NULL, IPPROTO_UDP), 2), 0, 1 * SECOND, &anna);
    assert_at(udp_flow(), 2 * SECOND, SOCKET_FOUND, &anna);
    see(report(connection(NULL, NULL, IPPROTO_UDP), 3), 0, 1 * SECOND, &bert);
    assert_at(udp_flow(), 2 * SECOND, SOCKET_AMBIGUOUS, NULL);
}

/* A connection from outside is there before it is accepted, and belongs to who accepts it. */
static void a_connection_is_accepted_later(void **state) {
    (void)state;
    struct socket_report socket = report(tcp_flow(), 1);
    socket.inode = 0;
    socket.state = TCP_SYN_RECV;
    see(socket, 0, 1 * SECOND, NULL);
    assert_int_equal(sockets.unresolved, 0);
    assert_at(tcp_flow(), 1 * SECOND, SOCKET_UNRESOLVED, NULL);
    socket.inode = 7;
    see(socket, 0, 2 * SECOND, &anna);
    assert_at(tcp_flow(), 1 * SECOND, SOCKET_FOUND, &anna);
}

/* A datagram socket that is connected later has another name, and the same holder without another search. */
static void a_socket_takes_another_name(void **state) {
    (void)state;
    see(report(connection("10.0.0.1", NULL, IPPROTO_UDP), 1), 0, 1 * SECOND, &anna);
    see(report(udp_flow(), 1), 0, 2 * SECOND, NULL);
    assert_int_equal(sockets.unresolved, 0);
    assert_at(udp_flow(), 3 * SECOND, SOCKET_FOUND, &anna);
    assert_at(connection("10.0.0.1", "10.0.0.8", IPPROTO_UDP), 3 * SECOND, SOCKET_UNKNOWN, NULL);
}

static void attempt(struct sighting *sighting, void *context) {
    (void)context;
    sockets_attempted(&sockets, sighting);
}

static void a_search_is_given_up(void **state) {
    (void)state;
    struct socket_question question = question_at(udp_flow(), 2 * SECOND);
    see(report(udp_flow(), 1), 0, 1 * SECOND, NULL);
    assert_int_equal(sockets.urgent, 0);
    assert_true(sockets_ask(&sockets, &question));
    assert_int_equal(sockets.urgent, 1);
    for (int i = 0; i < 10; i++)
        sockets_visit_unresolved(&sockets, attempt, NULL);
    assert_int_equal(sockets.urgent + sockets.near + sockets.unresolved, 0);
    assert_verdict(&question, SOCKET_UNRESOLVED, NULL);
}

static void what_is_gone_is_forgotten(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 5000; i++) {
        struct connection name = udp_flow();
        name.remote.port = (uint16_t)(FAR_PORT + i);
        see(report(name, i), 0, SECOND, i % 2 == 0 ? &anna : &bert);
    }
    assert_int_equal(sockets.count, 5000);
    assert_int_equal(atomic_load(&anna.references), 2500);
    sockets_checked(&sockets, ABROAD, 0, NEVER, 2 * SECOND);
    sockets_expire(&sockets, 3 * SECOND);
    assert_int_equal(sockets.count, 5000);
    sockets_checked(&sockets, HOME, 0, NEVER, 2 * SECOND);
    sockets_expire(&sockets, 2 * SECOND);
    assert_int_equal(sockets.count, 5000);
    sockets_expire(&sockets, 2 * SECOND + 1);
    assert_int_equal(sockets.count, 0);
    assert_int_equal(atomic_load(&anna.references), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_socket_is_found_by_each_of_its_names),
        TEST(a_dual_stack_wildcard_takes_both),
        TEST(a_port_that_is_used_again),
        TEST(a_destroyed_socket_narrows_it_down),
        TEST(a_socket_that_was_only_heard_of),
        TEST(a_reset_socket_has_lost_its_name),
        TEST(a_syn_is_not_the_predecessors),
        TEST(one_that_a_look_did_not_find_is_too_young),
        TEST(a_loss_leaves_what_is_certain),
        TEST(sockets_that_share_a_port),
        TEST(a_connection_is_accepted_later),
        TEST(a_socket_takes_another_name),
        TEST(a_search_is_given_up),
        TEST(what_is_gone_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
