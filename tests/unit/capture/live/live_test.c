#include "capture/capture.h"

#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "capture/live/live_fixture.h"
#include "capture/live/packet_ring.h"
#include "wait.h"

enum { DATAGRAMS_MAX = 100000 }; /* more than a ring of two blocks holds */

static struct capture *open_interface(const char *interface, const char *filter) {
    struct capture *capture = NULL;
    struct error error = {0};
    struct capture_options options = options_for(interface);
    options.bpf_filter = filter;
    if (capture_open(&options, &capture, &error) != 0)
        fail_msg("%s", error.text);
    return capture;
}

static void send_datagram(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(sendto(descriptor, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
    close(descriptor);
}

static void a_quiet_link_is_idle(void **state) {
    (void)state;
    need_namespace();
    struct capture *capture = open_interface("lo", NULL);
    struct frame frame;
    enum capture_event event;
    double start = now();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
        assert_int_equal(event, CAPTURE_IDLE);
    }
    double passed = now() - start;
    assert_true(passed > 0.5 && passed < 2);
    capture_close(capture);
}

/* Seconds that datagrams take until each is read, one after the other. */
static double seconds_of_frames(uint32_t block_milliseconds, int frames) {
    struct capture *capture = NULL;
    struct frame frame;
    struct error error = {0};
    enum capture_event event;
    struct capture_options options = options_for("lo");
    options.bpf_filter = "udp dst port 9 and inbound";
    options.block_milliseconds = block_milliseconds;
    if (capture_open(&options, &capture, &error) != 0)
        fail_msg("%s", error.text);
    double start = now();
    for (int i = 0; i < frames; i++) {
        send_datagram(DISCARD_PORT);
        do
            assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
        while (event == CAPTURE_IDLE);
    }
    double passed = now() - start;
    capture_close(capture);
    return passed;
}

/* Each frame waits for the next look of the kernel's after its block. */
static void the_kernel_collects_for_as_long_as_asked(void **state) {
    (void)state;
    need_namespace();
    double prompt = seconds_of_frames(2, 10), slow = seconds_of_frames(80, 10);
    assert_true(slow > 0.7);
    assert_true(prompt < slow / 2);
    assert_int_equal(capture_held(&(struct capture_options){0}), 200000);
    assert_int_equal(capture_held(&(struct capture_options){.block_milliseconds = 2}), 100000);
    assert_int_equal(capture_held(&(struct capture_options){.block_milliseconds = 1000}), 2000000);
}

static void frames_arrive_filtered(void **state) {
    (void)state;
    need_namespace();
    struct capture *capture = open_interface("lo", "udp dst port 9");
    struct frame frame;
    enum capture_event event = CAPTURE_IDLE;
    struct capture_statistics statistics;
    send_datagram(DISCARD_PORT + 1);
    send_datagram(DISCARD_PORT);
    for (int i = 0; i < 10 && event == CAPTURE_IDLE; i++)
        assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
    assert_int_equal(event, CAPTURE_FRAME);
    assert_int_equal(frame.link_type, 1);
    assert_int_equal(frame.captured_length, 14 + 20 + 8 + 5);
    assert_int_equal(frame.wire_length, frame.captured_length);
    assert_int_equal(frame.bytes[37], DISCARD_PORT);
    assert_true(llabs(frame.seconds - (int64_t)time(NULL)) < 5);
    assert_memory_equal(frame.bytes + 42, "hello", 5);
    capture_statistics(capture, &statistics);
    assert_int_equal(statistics.frames, 1);
    assert_int_equal(statistics.dropped_kernel, 0);
    assert_string_equal(capture_source_name(capture), "lo");
    capture_close(capture);
}

/* What the kernel has counted and not handed over yet is missed. */
static void a_block_that_is_held_back_is_known(void **state) {
    (void)state;
    need_namespace();
    struct packet_ring ring;
    struct frame frame;
    const struct packet_ring_options options = {
        .bytes = 1 << 20, .interface_index = if_nametoindex("lo"), .block_milliseconds = 500};
    assert_int_equal(packet_ring_open(&ring), 0);
    assert_int_equal(packet_ring_start(&ring, &options), 0);
    assert_false(packet_ring_has_rest(&ring));
    for (int round = 0; round < 2; round++) {
        send_datagram(DISCARD_PORT);
        assert_false(packet_ring_next(&ring, &frame));
        assert_true(packet_ring_has_rest(&ring));
        while (!packet_ring_next(&ring, &frame))
            packet_ring_wait(&ring, -1, POLL_MILLISECONDS);
        while (packet_ring_next(&ring, &frame))
            continue;
        assert_false(packet_ring_has_rest(&ring));
    }
    /* What found no room is not waited for. */
    for (int i = 0; i < DATAGRAMS_MAX && ring.counts.dropped == 0; i++) {
        send_datagram(DISCARD_PORT);
        packet_ring_count(&ring);
    }
    assert_true(ring.counts.dropped > 0);
    while (packet_ring_has_rest(&ring))
        if (!packet_ring_next(&ring, &frame))
            packet_ring_wait(&ring, -1, POLL_MILLISECONDS);
    packet_ring_close(&ring);
}

static void a_break_ends_it(void **state) {
    (void)state;
    need_namespace();
    struct capture *capture = open_interface("lo", NULL);
    struct frame frame;
    enum capture_event event;
    capture_break(capture);
    assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
    assert_int_equal(event, CAPTURE_END);
    capture_close(capture);
}

/* Reads until a frame to this port came; false after `seconds`. */
static bool receives(struct capture *capture, int port, double seconds) {
    struct frame frame;
    enum capture_event event;
    for (double start = now(); now() - start < seconds;) {
        assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
        if (event == CAPTURE_FRAME && is_to_port(&frame, port))
            return true;
    }
    return false;
}

/* Until nothing is left in the ring. */
static void read_all(struct capture *capture) {
    struct frame frame;
    enum capture_event event = CAPTURE_FRAME;
    while (event == CAPTURE_FRAME)
        assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
}

/* Four blocks that nobody reads, and more datagrams than they hold. */
static void a_ring_that_fills_is_pressure(void **state) {
    (void)state;
    need_namespace();
    struct capture *capture = NULL;
    struct error error = {0};
    struct capture_options options = options_for("lo");
    struct capture_statistics statistics;
    unsigned sent = 0, last = 0;
    options.socket_buffer_size = 1 << 20;
    assert_int_equal(capture_open(&options, &capture, &error), 0);
    assert_int_equal(capture_pressure(capture), 0);
    for (; sent < 100000 && last < 100; sent++) {
        send_datagram(DISCARD_PORT);
        unsigned pressure = capture_pressure(capture);
        assert_true(pressure >= last);
        last = pressure;
    }
    assert_int_equal(last, 100);
    for (unsigned i = 0; i < sent; i++)
        send_datagram(DISCARD_PORT);
    read_all(capture);
    capture_statistics(capture, &statistics);
    assert_true(statistics.dropped_kernel > 0);
    assert_int_equal(capture_pressure(capture), 100); /* of the loss */
    assert_int_equal(capture_pressure(capture), 0);
    capture_close(capture);
}

static uint64_t freezes_of(struct capture *capture) {
    struct capture_statistics statistics;
    capture_statistics(capture, &statistics);
    return statistics.ring_freezes;
}

/* Two blocks that nobody reads, each handed over with one datagram, since its time has come: the ring is full, and has lost
 * nothing. Then comes one more. */
static void a_ring_of_two_blocks_is_pressure_once_it_loses(void **state) {
    (void)state;
    need_namespace();
    struct capture *capture = NULL;
    struct error error = {0};
    struct capture_options options = options_for("lo");
    options.socket_buffer_size = 512 << 10;
    options.bpf_filter = "udp dst port 9 and inbound";
    assert_int_equal(capture_open(&options, &capture, &error), 0);
    send_datagram(DISCARD_PORT);
    usleep(300000); /* longer than the kernel keeps a block back: the second is open now */
    assert_int_equal(capture_pressure(capture), 0);
    send_datagram(DISCARD_PORT);
    wait_until(freezes_of(capture) == 1, 10, "a full ring");
    for (int look = 0; look < 3; look++)
        assert_int_equal(capture_pressure(capture), 0);
    send_datagram(DISCARD_PORT);
    struct capture_statistics statistics;
    capture_statistics(capture, &statistics);
    assert_int_equal(statistics.dropped_kernel, 1);
    assert_int_equal(capture_pressure(capture), 100);
    assert_int_equal(capture_pressure(capture), 0);
    capture_close(capture);
}

/* From the other end of a pair. */
static void send_from(const char *name, int port) {
    uint8_t frame[60] = {[0] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46};
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
    int descriptor = socket(AF_PACKET, SOCK_RAW, 0);
    frame[22] = 64;
    frame[23] = IPPROTO_UDP;
    frame[36] = (uint8_t)(port >> 8);
    frame[37] = (uint8_t)port;
    frame[39] = 26;
    assert_int_equal(sendto(descriptor, frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to),
                     sizeof frame);
    close(descriptor);
}

/* Sends from the other end of a pair until the capture has it: an interface that has just appeared is not captured yet. */
static bool arrives(struct capture *capture, const char *from, int port) {
    for (int attempt = 0; attempt < 20; attempt++) {
        send_from(from, port);
        if (receives(capture, port, 0.25))
            return true;
    }
    return false;
}

static void an_interface_that_comes_back_goes_on(void **state) {
    (void)state;
    need_pair("back0", "back1");
    assert_true(IP("link", "set", "back1", "up"));
    struct capture *capture = open_interface("back0", NULL);
    assert_true(arrives(capture, "back1", 1));
    assert_true(IP("link", "set", "back0", "down"));
    assert_true(IP("link", "set", "back0", "up"));
    assert_true(arrives(capture, "back1", 2));
    for (int i = 3; i < 6; i++) {
        struct frame frame;
        enum capture_event event;
        assert_true(IP("link", "del", "back0"));
        assert_int_equal(capture_next(capture, &frame, &event, NULL), 0);
        need_pair("back0", "back1");
        assert_true(IP("link", "set", "back1", "up"));
        assert_true(arrives(capture, "back1", i));
    }
    capture_close(capture);
    assert_true(IP("link", "del", "back0"));
}

static void several_interfaces_are_told_apart(void **state) {
    (void)state;
    static const char *const words[] = {"many?", "!many1", "!many3"};
    need_pair("many0", "many1");
    assert_true(IP("link", "set", "many1", "up"));
    struct capture_options options = options_for("");
    struct capture *capture = NULL;
    struct error error = {0};
    options.interfaces = words;
    options.interface_count = 3;
    assert_int_equal(capture_open(&options, &capture, &error), 0);
    assert_true(arrives(capture, "many1", 7));
    need_pair("many2", "many3");
    assert_true(IP("link", "set", "many3", "up"));
    assert_true(arrives(capture, "many3", 8));
    assert_string_equal(capture_source_name(capture), "many?,!many1,!many3");
    capture_close(capture);
    assert_true(IP("link", "del", "many0"));
    assert_true(IP("link", "del", "many2"));
}

static void unknown_interfaces_are_refused(void **state) {
    (void)state;
    need_namespace();
    struct capture *capture = NULL;
    struct error error = {0};
    struct capture_options options = options_for("l");
    assert_true(capture_open(&options, &capture, &error) < 0);
    assert_null(capture);
    assert_int_equal(error.exit_code, EX_NOINPUT);
    assert_non_null(strstr(error.text, "no interface \"l\"; there are: lo"));
    options = options_for("ol");
    assert_true(capture_open(&options, &capture, &error) < 0);
    assert_int_equal(error.exit_code, EX_NOINPUT);
    options = options_for("a-name-that-is-longer-than-any");
    assert_true(capture_open(&options, &capture, &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
}

static void auto_takes_the_default_route(void **state) {
    (void)state;
    need_namespace();
    struct capture *capture = NULL;
    struct error error = {0};
    struct capture_options options = options_for("auto");
    assert_true(capture_open(&options, &capture, &error) < 0);
    assert_int_equal(error.exit_code, EX_NOINPUT);
    assert_non_null(strstr(error.text, "default route"));
    need_pair("auto0", "auto1");
    assert_true(IP("-6", "route", "add", "default", "dev", "auto0"));
    capture = open_interface("auto", NULL);
    assert_string_equal(capture_source_name(capture), "auto0");
    capture_close(capture);
    assert_true(IP("route", "add", "default", "dev", "lo", "metric", "5"));
    capture = open_interface("auto", NULL); /* IPv4's and IPv6's */
    assert_string_equal(capture_source_name(capture), "lo,auto0");
    capture_close(capture);
    assert_true(IP("route", "add", "default", "dev", "auto0", "metric", "4"));
    capture = open_interface("auto", NULL);
    assert_string_equal(capture_source_name(capture), "auto0");
    capture_close(capture);
    assert_true(IP("link", "del", "auto0"));
}

static void without_permission_it_says_how_to_mend_it(void **state) {
    (void)state;
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct capture *capture = NULL;
        struct error error = {0};
        struct capture_options options = options_for("lo");
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(1);
        capture_open(&options, &capture, &error);
        _exit(capture == NULL && strstr(error.text, "cap_net_raw") != NULL ? error.exit_code : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EX_NOPERM);
}

static void look_for_loopback(const char *name, const char *description, const char *addresses,
                              void *context) {
    assert_non_null(description);
    if (strcmp(name, "lo") == 0)
        *(bool *)context = strstr(addresses, "127.0.0.1") != NULL;
}

static void interfaces_are_listed(void **state) {
    (void)state;
    need_namespace();
    bool found = false;
    assert_int_equal(capture_list_interfaces(look_for_loopback, &found, NULL), 0);
    assert_true(found);
    assert_non_null(strstr(capture_library_version(), "libpcap"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_link_is_idle),
        cmocka_unit_test(the_kernel_collects_for_as_long_as_asked),
        cmocka_unit_test(frames_arrive_filtered),
        cmocka_unit_test(a_block_that_is_held_back_is_known),
        cmocka_unit_test(a_break_ends_it),
        cmocka_unit_test(a_ring_that_fills_is_pressure),
        cmocka_unit_test(a_ring_of_two_blocks_is_pressure_once_it_loses),
        cmocka_unit_test(an_interface_that_comes_back_goes_on),
        cmocka_unit_test(several_interfaces_are_told_apart),
        cmocka_unit_test(unknown_interfaces_are_refused),
        cmocka_unit_test(auto_takes_the_default_route),
        cmocka_unit_test(without_permission_it_says_how_to_mend_it),
        cmocka_unit_test(interfaces_are_listed),
    };
    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
