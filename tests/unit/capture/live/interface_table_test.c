/* A real kernel's interfaces, in a network namespace of the test's own. */
#include "capture/live/interface_table.h"

#include <net/if.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "skip.h"

enum { LOG_SIZE = 65536, PATIENCE_SECONDS = 10 };

static bool have_namespace;

/* What was told, one word after the other: "+veth0(host,down) -veth0 ...". */
static char told[LOG_SIZE];

/* Runs a line of the shell; true if it succeeded. */
static bool sh(const char *line) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void run(const char *line) {
    if (!sh(line))
        fail_msg("failed: %s", line);
}

static int enter_namespace(void **state) {
    (void)state;
    have_namespace = unshare(CLONE_NEWNET) == 0 &&
                     sh("ip link add probe0 type veth peer name probe1 && ip link del probe0");
    return 0;
}

static void note(enum interface_change change, const struct interface *interface, void *context) {
    static const char signs[] = {[INTERFACE_APPEARED] = '+',
                                 [INTERFACE_VANISHED] = '-',
                                 [INTERFACE_UP] = '^',
                                 [INTERFACE_DOWN] = 'v',
                                 [INTERFACE_CHANGED] = '~'};
    size_t used = strlen(told);
    (void)context;
    if (change == INTERFACE_VANISHED)
        snprintf(told + used, sizeof told - used, "-%s ", interface->link.name);
    else
        snprintf(told + used, sizeof told - used, "%c%s(%s,%s%s) ", signs[change], interface->link.name,
                 interface_role_name(interface->role), interface->link.up ? "up" : "down",
                 interface->link.is_default_route ? ",default" : "");
}

struct followed {
    struct interface_rules *rules;
    struct interface_table *table;
};

static struct followed follow(const char *word, const char *other) {
    struct followed followed = {NULL, NULL};
    struct error error = {0};
    const char *words[] = {word, other};
    if (!have_namespace)
        skip_because("no right to make a network namespace with veth interfaces");
    if (interface_rules_create(words, other != NULL ? 2 : 1, NULL, 0, &followed.rules, &error) != 0 ||
        interface_table_open(followed.rules, &followed.table, &error) != 0)
        fail_msg("%s", error.text);
    told[0] = '\0';
    return followed;
}

static void leave(struct followed *followed) {
    interface_table_close(followed->table);
    interface_rules_destroy(followed->rules);
}

static void poll_once(struct followed *followed) {
    struct pollfd readable = {.fd = interface_table_descriptor(followed->table), .events = POLLIN};
    int wait = interface_table_wait(followed->table);
    poll(&readable, 1, wait >= 0 && wait < 100 ? wait : 100);
    assert_true(interface_table_poll(followed->table, note, NULL) >= 0);
}

static bool nothing_waits(const struct followed *followed) {
    struct pollfd readable = {.fd = interface_table_descriptor(followed->table), .events = POLLIN};
    return poll(&readable, 1, 0) == 0 && interface_table_wait(followed->table) < 0;
}

/* Polls until all is known that the kernel has to say, and forgets what was told before. */
static void settle(struct followed *followed) {
    int64_t end = clock_monotonic() + PATIENCE_SECONDS * INT64_C(1000000);
    do
        poll_once(followed);
    while (!nothing_waits(followed) && clock_monotonic() < end);
    assert_true(nothing_waits(followed));
}

/* Polls until this was told, and nothing else. */
static void expect(struct followed *followed, const char *words) {
    int64_t end = clock_monotonic() + PATIENCE_SECONDS * INT64_C(1000000);
    while (strcmp(told, words) != 0 && strlen(told) <= strlen(words) && clock_monotonic() < end)
        poll_once(followed);
    assert_string_equal(told, words);
    settle(followed);
    assert_string_equal(told, words);
    told[0] = '\0';
}

static void all_are_told_first(void **state) {
    (void)state;
    struct followed followed = follow("*", NULL);
    expect(&followed, "+lo(host,down) ");
    assert_non_null(interface_table_find(followed.table, 1));
    assert_string_equal(interface_table_find(followed.table, 1)->link.name, "lo");
    assert_int_equal(interface_table_find(followed.table, 1)->link.mtu, 65536);
    assert_null(interface_table_find(followed.table, 999));
    leave(&followed);
    interface_table_close(NULL);
}

static void interfaces_come_and_go(void **state) {
    (void)state;
    struct followed followed = follow("*", "!lo");
    expect(&followed, "");
    run("ip link add br0 type bridge");
    expect(&followed, "+br0(host,down) ");
    run("ip link set br0 up");
    expect(&followed, "^br0(host,up) ");
    run("ip link set br0 down");
    expect(&followed, "vbr0(host,down) ");
    run("ip link set br0 mtu 1400");
    expect(&followed, "~br0(host,down) ");
    assert_int_equal(interface_table_find(followed.table, if_nametoindex("br0"))->link.mtu, 1400);
    run("ip link set br0 name br1");
    expect(&followed, "-br0 +br1(host,down) ");
    run("ip link del br1");
    expect(&followed, "-br1 ");
    /* What the owner doesn't want to know isn't told. */
    run("ip link set lo up && ip link set lo down");
    expect(&followed, "");
    leave(&followed);
}

/* A process in a network namespace of its own, as a pod has one; it lives until it is killed. */
static pid_t make_pod(void) {
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNET) < 0 || write(ready[1], &byte, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void kinds_have_roles(void **state) {
    (void)state;
    struct followed followed = follow("*", "!lo");
    char line[128];
    run("ip link add in0 type veth peer name in1");
    expect(&followed, "+in1(host,down) +in0(host,down) ");
    run("ip link add vx0 type vxlan id 5 dstport 4789");
    expect(&followed, "+vx0(tunnel,down) ");
    pid_t pod = make_pod();
    snprintf(line, sizeof line, "ip link add out0 type veth peer name eth0 netns %d", (int)pod);
    run(line);
    expect(&followed, "+out0(pod,down) ");
    run("ip link del in0; ip link del vx0; ip link del out0");
    kill(pod, SIGKILL);
    waitpid(pod, NULL, 0);
    settle(&followed);
    leave(&followed);
}

/* A bridge's port is not gone with the bridge. */
static void ports_stay(void **state) {
    (void)state;
    struct followed followed = follow("port*", NULL);
    run("ip link add br0 type bridge && ip link add port0 type veth peer name other0");
    expect(&followed, "+port0(host,down) ");
    run("ip link set port0 master br0");
    expect(&followed, "~port0(host,down) ");
    const struct interface *port = interface_table_find(followed.table, if_nametoindex("port0"));
    assert_int_equal(port->link.master, if_nametoindex("br0"));
    assert_string_equal(port->link.port_of, "bridge");
    assert_string_equal(port->link.kind, "veth");
    run("ip link del br0");
    expect(&followed, "~port0(host,down) ");
    run("ip link del port0");
    expect(&followed, "-port0 ");
    leave(&followed);
}

static void another_under_the_same_name_is_told(void **state) {
    (void)state;
    struct followed followed = follow("same*", NULL);
    run("ip link add same0 index 500 type veth peer name other0");
    expect(&followed, "+same0(host,down) ");
    /* Both at once, for the table: another index, then the same. */
    run("ip link del same0 && ip link add same0 index 501 type veth peer name other0");
    expect(&followed, "-same0 +same0(host,down) ");
    assert_null(interface_table_find(followed.table, 500));
    assert_non_null(interface_table_find(followed.table, 501));
    run("ip link del same0 && ip link add same0 index 501 type veth peer name other0");
    expect(&followed, "-same0 +same0(host,down) ");
    /* What came and went in between isn't told. */
    run("ip link add same1 type veth peer name other1 && ip link del same1");
    expect(&followed, "");
    run("ip link del same0");
    expect(&followed, "-same0 ");
    leave(&followed);
}

static void the_default_route_moves(void **state) {
    (void)state;
    struct followed followed = follow("auto", NULL);
    run("ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up");
    expect(&followed, "");
    run("ip route add default dev d0 metric 10");
    expect(&followed, "+d0(uplink,up,default) ");
    /* A higher metric, though the kernel lists it first. */
    run("ip route add default dev d1 tos 0x10 metric 50");
    expect(&followed, "");
    run("ip route add default dev d1 metric 5");
    expect(&followed, "-d0 +d1(uplink,up,default) ");
    /* No default route, or not one of the table main. */
    run("ip route add 10.0.0.0/8 dev d0 && ip route add default dev d0 table 100");
    expect(&followed, "");
    run("ip route del default dev d1 metric 5");
    expect(&followed, "-d1 +d0(uplink,up,default) ");
    run("ip -6 route add default dev d1");
    expect(&followed, "+d1(uplink,up,default) ");
    /* The kernel doesn't say that the route of IPv4 is gone. */
    run("ip link set d0 down");
    expect(&followed, "-d0 ");
    run("ip route add unreachable default metric 1");
    expect(&followed, "");
    run("ip link del d1 && ip route del default");
    expect(&followed, "-d1 ");
    leave(&followed);
}

/* Nor does it say so where a route goes with the last address. */
static void the_default_route_goes_with_the_address(void **state) {
    (void)state;
    struct followed followed = follow("auto", NULL);
    run("ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up &&"
        " ip addr add 10.1.1.1/24 dev d0 && ip route add default via 10.1.1.2");
    expect(&followed, "+d0(uplink,up,default) ");
    run("ip addr del 10.1.1.1/24 dev d0");
    expect(&followed, "-d0 ");
    run("ip link del d0");
    expect(&followed, "");
    leave(&followed);
}

static void several_ways_are_all_default(void **state) {
    (void)state;
    struct followed followed = follow("auto", NULL);
    run("ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up &&"
        " ip route add default nexthop dev d0 nexthop dev d1");
    settle(&followed);
    assert_non_null(strstr(told, "+d0(uplink,up,default) "));
    assert_non_null(strstr(told, "+d1(uplink,up,default) "));
    run("ip link del d0");
    settle(&followed);
    leave(&followed);
}

/* Lines of a batch of ip(8). */
static void run_batch(const char *form, unsigned count) {
    char path[] = "/tmp/interface_table_XXXXXX", line[64];
    int descriptor = mkstemp(path);
    FILE *batch = fdopen(descriptor, "w");
    assert_non_null(batch);
    for (unsigned i = 0; i < count; i++) {
        fprintf(batch, form, i, i);
        fputc('\n', batch);
    }
    fclose(batch);
    snprintf(line, sizeof line, "ip -batch %s", path);
    run(line);
    unlink(path);
}

/* Processor time of this thread in microseconds. */
static int64_t busy(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

static size_t count_in(const char *text, char sign) {
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == sign;
    return count;
}

/* 200 pairs appear and vanish while nobody reads: the kernel loses messages, and none of the pairs is missed. */
static void a_storm_loses_nothing(void **state) {
    (void)state;
    enum { PAIRS = 200 };
    int room = 65536;
    struct followed followed = follow("storm*", NULL);
    struct interface_table_statistics statistics;
    settle(&followed);
    setsockopt(interface_table_descriptor(followed.table), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    run_batch("link add storm%u group 7 type veth peer name other%u", PAIRS);
    run_batch("link set storm%u up", PAIRS);
    int64_t start = busy();
    settle(&followed);
    interface_table_statistics(followed.table, &statistics);
    print_message("%u pairs: %" PRId64 " us, %" PRIu64 " messages, %" PRIu64 " overruns, %" PRIu64 " dumps\n",
                  PAIRS, busy() - start, statistics.messages, statistics.overruns, statistics.dumps);
    assert_int_equal(count_in(told, '+'), PAIRS);
    assert_true(statistics.overruns > 0);
    assert_true(statistics.dumps < 20);
    for (unsigned i = 0; i < PAIRS; i++) {
        char name[IF_NAMESIZE];
        snprintf(name, sizeof name, "storm%u", i);
        const struct interface *interface = interface_table_find(followed.table, if_nametoindex(name));
        assert_non_null(interface);
        assert_string_equal(interface->link.name, name);
        assert_true(interface->link.up);
    }
    told[0] = '\0';
    run("ip link del group 7");
    settle(&followed);
    assert_int_equal(count_in(told, '-'), PAIRS);
    assert_int_equal(count_in(told, '+'), 0);
    assert_int_equal(statistics.refused, 0);
    assert_int_equal(statistics.left_out, 0);
    leave(&followed);
}

/* Follows while interfaces come and go and the kernel loses messages again and again: in the end, what was told is what is
 * there. */
static void what_is_told_is_there(void **state) {
    (void)state;
    struct followed followed = follow("churn*", NULL);
    struct interface_table_statistics statistics;
    size_t there = 0;
    int room = 4096, status;
    setsockopt(interface_table_descriptor(followed.table), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    pid_t child = fork();
    if (child == 0) {
        execl(
            "/bin/sh", "sh", "-c",
            "for i in 1 2 3; do for j in $(seq 80); do echo link add churn$j group $i type veth peer name other$j;"
            " done | ip -batch -; [ $i = 3 ] || ip link del group $i; done",
            (char *)NULL);
        _exit(127);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        poll_once(&followed);
        usleep(2000);
    }
    settle(&followed);
    struct if_nameindex *list = if_nameindex();
    for (const struct if_nameindex *link = list; link->if_index != 0; link++) {
        bool wanted = strncmp(link->if_name, "churn", 5) == 0;
        const struct interface *interface = interface_table_find(followed.table, link->if_index);
        assert_int_equal(interface != NULL, wanted);
        if (interface != NULL)
            assert_string_equal(interface->link.name, link->if_name);
        there += wanted;
    }
    if_freenameindex(list);
    assert_true(there > 0);
    assert_int_equal(count_in(told, '+'), count_in(told, '-') + there);
    interface_table_statistics(followed.table, &statistics);
    assert_true(statistics.overruns > 0);
    run("ip link del group 3");
    settle(&followed);
    leave(&followed);
}

/* Routes of no interest wake nobody. The loopback's carrier is no cause of messages that come later. */
static void other_routes_wake_nobody(void **state) {
    (void)state;
    struct followed followed = follow("*", NULL);
    run("ip link set lo up");
    expect(&followed, "+lo(host,up) ");
    run("ip route add 10.0.0.0/8 dev lo && ip route add 10.1.2.3 dev lo && ip route del 10.1.2.3 &&"
        " ip -6 route add fd00::/16 dev lo && ip addr add 10.9.9.9/24 dev lo");
    assert_true(nothing_waits(&followed));
    run("ip addr del 10.9.9.9/24 dev lo && ip link set lo down");
    expect(&followed, "vlo(host,down) ");
    leave(&followed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_told_first),
        cmocka_unit_test(interfaces_come_and_go),
        cmocka_unit_test(kinds_have_roles),
        cmocka_unit_test(ports_stay),
        cmocka_unit_test(another_under_the_same_name_is_told),
        cmocka_unit_test(the_default_route_moves),
        cmocka_unit_test(the_default_route_goes_with_the_address),
        cmocka_unit_test(several_ways_are_all_default),
        cmocka_unit_test(a_storm_loses_nothing),
        cmocka_unit_test(what_is_told_is_there),
        cmocka_unit_test(other_routes_wake_nobody),
    };
    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
