/* The service with real sockets on loopback, asked by several threads: who holds them, and nobody where it can't be
 * known. */
#include "meter/process/visibility.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "meter/process/describe.h"
#include "wait.h"

enum { PATIENCE_S = 4, FLOWS = 64, THREADS = 3, ROUNDS = 2000 };

static struct visibility *visibility;
static struct visibility_client *client;

static int set_up(void **state) {
    (void)state;
    struct visibility_options options = {.poll_interval = 50000};
    struct error error = {0};
    if (visibility_start(&options, &visibility, &error) < 0)
        fail_msg("%s", error.text);
    client = visibility_join(visibility, FLOWS);
    assert_non_null(client);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    visibility_leave(client);
    visibility_stop(visibility);
    return 0;
}

/* An address on loopback as the kernel wants it; port in host byte order. */
static socklen_t loopback(int family, uint16_t port, struct sockaddr_storage *address) {
    memset(address, 0, sizeof *address);
    if (family == AF_INET6) {
        *(struct sockaddr_in6 *)address = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        return sizeof(struct sockaddr_in6);
    }
    *(struct sockaddr_in *)address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return sizeof(struct sockaddr_in);
}

static uint16_t port_of(int descriptor) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static int open_bound(int family, int type, uint16_t port) {
    struct sockaddr_storage address;
    int descriptor = socket(family, type | SOCK_CLOEXEC, 0), one = 1;
    socklen_t length = loopback(family, port, &address);
    assert_true(descriptor >= 0);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, length), 0);
    return descriptor;
}

static void connect_to(int descriptor, int family, uint16_t port) {
    struct sockaddr_storage address;
    socklen_t length = loopback(family, port, &address);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, length), 0);
}

static struct visibility_question question(int family, int type, uint16_t source_port,
                                           uint16_t destination_port) {
    int64_t now = clock_steady();
    struct visibility_question made = {
        .earliest = now,
        .latest = now,
        .source_port = source_port,
        .destination_port = destination_port,
        .ip_version = family == AF_INET6 ? 6 : 4,
        .protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP,
        .has_mac = true,
        .opening = type == SOCK_STREAM,
    };
    const uint8_t four[4] = {127, 0, 0, 1};
    if (family == AF_INET6)
        made.source[15] = made.destination[15] = 1;
    else
        memcpy(made.source, four, 4), memcpy(made.destination, four, 4);
    return made;
}

/* Who it is; 0: nobody. */
static int32_t answer_of(uint32_t ticket) {
    const struct process *process = NULL;
    enum visibility_end end;
    wait_until(visibility_answer(client, ticket, &process, &end), PATIENCE_S, "an answer");
    assert_int_equal(end == END_NONE, process == NULL);
    int32_t pid = process != NULL ? process->pid : 0;
    visibility_release(client, ticket);
    return pid;
}

static int32_t ask(int family, int type, uint16_t source_port, uint16_t destination_port) {
    struct visibility_question asked = question(family, type, source_port, destination_port);
    return answer_of(visibility_ask(client, &asked));
}

static void a_process_finds_its_own_sockets(void **state) {
    (void)state;
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < 2; i++) {
        int family = families[i];
        int listener = open_bound(family, SOCK_STREAM, 0), stream = open_bound(family, SOCK_STREAM, 0);
        assert_int_equal(listen(listener, 5), 0);
        connect_to(stream, family, port_of(listener));
        assert_int_equal(ask(family, SOCK_STREAM, port_of(stream), port_of(listener)), getpid());
        int unconnected = open_bound(family, SOCK_DGRAM, 0), connected = open_bound(family, SOCK_DGRAM, 0);
        connect_to(connected, family, port_of(unconnected));
        assert_int_equal(ask(family, SOCK_DGRAM, port_of(unconnected), 9), getpid());
        assert_int_equal(ask(family, SOCK_DGRAM, port_of(connected), port_of(unconnected)), getpid());
        /* Connected, it sends nowhere else. */
        assert_int_equal(ask(family, SOCK_DGRAM, port_of(connected), 9), 0);
        close(listener);
        close(stream);
        close(unconnected);
        close(connected);
    }
}

/* Sockets that speak IPv4 although they are of the other family. */
static void mapped_and_dual_stack_sockets(void **state) {
    (void)state;
    int dual = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6},
                        mapped = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
    assert_int_equal(bind(dual, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(ask(AF_INET, SOCK_DGRAM, port_of(dual), 9), getpid());
    assert_int_equal(connect(dual, (struct sockaddr *)&mapped, sizeof mapped), 0);
    assert_int_equal(ask(AF_INET, SOCK_DGRAM, port_of(dual), 9), getpid());
    close(dual);
}

static void nobodys_flows(void **state) {
    (void)state;
    assert_int_equal(ask(AF_INET, SOCK_STREAM, 1, 2), 0);
    struct visibility_question foreign = question(AF_INET, SOCK_DGRAM, 1, 2);
    memcpy(foreign.source, "\xcb\x00\x71\x01", 4);
    memcpy(foreign.destination, "\xcb\x00\x71\x02", 4);
    memset(foreign.source_mac, 2, 6);
    assert_int_equal(answer_of(visibility_ask(client, &foreign)), 0);
    struct visibility_statistics statistics;
    visibility_statistics(visibility, &statistics);
    assert_int_equal(statistics.asked, 2);
    assert_int_equal(statistics.foreign, 1);
    assert_int_equal(statistics.unknown, 1);
    assert_int_equal(statistics.open, 0);
}

/* It was seen while it was open, so it is known after; one that was not is unknown. */
static void sockets_that_are_closed_before_they_are_asked_for(void **state) {
    (void)state;
    int seen = open_bound(AF_INET, SOCK_DGRAM, 0);
    uint16_t port = port_of(seen);
    assert_int_equal(ask(AF_INET, SOCK_DGRAM, port, 9), getpid());
    struct visibility_question late = question(AF_INET, SOCK_DGRAM, port, 9);
    usleep(120000); /* longer than a poll's interval: it was seen */
    close(seen);
    assert_int_equal(answer_of(visibility_ask(client, &late)), getpid());
    /* A poll may come in between by chance: then another one is tried. */
    int32_t found = getpid();
    for (int attempt = 0; attempt < 10 && found != 0; attempt++) {
        int unseen = open_bound(AF_INET6, SOCK_DGRAM, 0);
        port = port_of(unseen);
        late = question(AF_INET6, SOCK_DGRAM, port, 9);
        close(unseen);
        found = answer_of(visibility_ask(client, &late));
    }
    assert_int_equal(found, 0);
}

/* A child that holds the port until it is killed. */
static pid_t hold_port(uint16_t port) {
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int descriptor = open_bound(AF_INET, SOCK_DGRAM, port);
        ssize_t written = write(ready[1], "", 1);
        for (;;)
            (void)written, (void)descriptor, pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    usleep(30000); /* what is sent sooner might be the predecessor's, queued */
    return child;
}

static void let_go(pid_t child) {
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Whoever has the port is named once a poll has seen it; until then nobody is, on a busy machine for a while. */
static void expect_owner(uint16_t port, pid_t owner) {
    int32_t said = 0;
    wait_until((said = ask(AF_INET, SOCK_DGRAM, port, 9)) != 0, PATIENCE_S, "a poll that sees the owner");
    assert_int_equal(said, owner);
}

/* The same port, one process after another: the late question about the first one's packet has the first one as answer,
 * or none, never the second. */
static void a_port_changes_hands(void **state) {
    (void)state;
    int taken = open_bound(AF_INET, SOCK_DGRAM, 0);
    uint16_t port = port_of(taken);
    close(taken);
    for (int i = 0; i < 3; i++) {
        pid_t first = hold_port(port);
        expect_owner(port, first);
        struct visibility_question late = question(AF_INET, SOCK_DGRAM, port, 9);
        let_go(first);
        pid_t second = hold_port(port);
        int32_t said = answer_of(visibility_ask(client, &late));
        assert_true(said == first || said == 0);
        usleep(100000); /* longer than a poll's interval */
        expect_owner(port, second);
        let_go(second);
    }
}

/* Tickets are given back before and after their answers, by several meters at once. */
static void *churn(void *context) {
    uint16_t port = *(const uint16_t *)context;
    struct visibility_client *own = visibility_join(visibility, FLOWS);
    uint32_t tickets[FLOWS] = {0};
    unsigned found = 0;
    for (unsigned i = 0; own != NULL && i < ROUNDS; i++) {
        uint32_t *ticket = &tickets[i % FLOWS];
        const struct process *process = NULL;
        enum visibility_end end;
        if (*ticket != 0 && visibility_answer(own, *ticket, &process, &end))
            found += process != NULL && process->pid == getpid();
        visibility_release(own, *ticket);
        struct visibility_question asked = question(AF_INET, SOCK_DGRAM, port, 9);
        *ticket = visibility_ask(own, &asked);
        usleep(i % 200 == 0 ? 5000 : 100); /* the pace of the questions */
        if (i == ROUNDS / 2)
            usleep(400000); /* some are answered */
    }
    visibility_leave(own);
    return found > 0 ? NULL : context;
}

static void several_meters_ask(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    int descriptor = open_bound(AF_INET, SOCK_DGRAM, 0);
    uint16_t port = port_of(descriptor);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &port), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    close(descriptor);
}

/* Without room for another question it is not asked, and the meter goes on. */
static void more_flows_than_tickets(void **state) {
    (void)state;
    struct visibility_question asked = question(AF_INET, SOCK_DGRAM, 1, 2);
    for (int i = 0; i < FLOWS; i++)
        assert_int_not_equal(visibility_ask(client, &asked), 0);
    assert_int_equal(visibility_ask(client, &asked), 0);
    struct visibility_statistics statistics;
    visibility_statistics(visibility, &statistics);
    assert_int_equal(statistics.unasked, 1);
}

static void container_ids(void **state) {
    (void)state;
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    static const char *const cases[][2] = {
        {"/", ""},
        {"/user.slice/user-1000.slice", ""},
        {"/docker/" ID, ID},
        {"/system.slice/docker-" ID ".scope", ID},
        {"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope/init", ID},
        {"/kubepods/" ID "0/x", ""},
        {"/../../crio-" ID ".scope", ID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[PROCESS_CONTAINER_SIZE];
        container_id_of(cases[i][0], id);
        assert_string_equal(id, cases[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_process_finds_its_own_sockets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mapped_and_dual_stack_sockets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobodys_flows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sockets_that_are_closed_before_they_are_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_changes_hands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_meters_ask, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_flows_than_tickets, set_up, tear_down),
        cmocka_unit_test(container_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
