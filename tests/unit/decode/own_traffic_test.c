/* Packets of the process's own connections, in both directions and in tunnels, with either dialect. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "base/own_sockets.h"
#include "decode/hex_frame.h"

static uint16_t own_port;
static int own, listener;

/* From 127.0.0.1 to itself. */
static int connect_own(void **state) {
    (void)state;
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in local = {0};
    socklen_t size = sizeof peer;
    own_sockets_enable(true);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    own = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&peer, size) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&peer, &size) < 0 ||
        own_socket_connect(own, (struct sockaddr *)&peer, size) != 0 ||
        getsockname(own, (struct sockaddr *)&local, &size) < 0)
        return -1;
    own_port = ntohs(local.sin_port);
    return 0;
}

static int close_own(void **state) {
    (void)state;
    own_socket_close(own);
    own_sockets_release();
    own_sockets_enable(false);
    return close(listener);
}

/* An IPv4 packet of 40 bytes; the addresses as they stand in it. */
static const char *packet_of(const char *protocol, const char *addresses, unsigned source,
                             unsigned destination) {
    static char text[128];
    snprintf(text, sizeof text, "450000280001000040%s0000%s%04x%04x00000001000000025010ffff00000000",
             protocol, addresses, source, destination);
    return text;
}

#define OUT "7f0000017f000002"
#define IN  "7f0000027f000001"

static enum decode_reason decode_with(enum decode_dialect dialect, bool ignore, int link_type,
                                      const char *text) {
    struct decode_options options = {dialect, .decode_tunnels = true, .ignore_own_sockets = ignore};
    struct decoder *decoder = decoder_create(&options);
    struct packet packet;
    enum decode_reason reason = decode_at(decoder, 1000, link_type, text, &packet);
    /* What is left out is not time that went on. */
    assert_int_equal(decoder_time(decoder) == 0, reason != DECODE_METERED);
    decoder_destroy(decoder);
    return reason;
}

static void assert_own(const char *packet, enum decode_reason expected) {
    assert_reason(decode_with(DECODE_NATIVE, true, LINK_RAW, packet), expected);
    assert_reason(decode_with(DECODE_NFSTREAM, true, LINK_RAW, packet), expected);
    assert_reason(decode_with(DECODE_NATIVE, false, LINK_RAW, packet), DECODE_METERED);
}

static void both_directions_are_left_out(void **state) {
    (void)state;
    assert_own(packet_of("06", OUT, own_port, 9092), DECODE_own_traffic);
    assert_own(packet_of("06", IN, 9092, own_port), DECODE_own_traffic);
}

static void others_are_metered(void **state) {
    (void)state;
    assert_own(packet_of("06", OUT, 9092, own_port), DECODE_METERED); /* another's port of that number */
    assert_own(packet_of("06", IN, own_port, 9092), DECODE_METERED);  /* the same */
    assert_own(packet_of("06", OUT, own_port ^ 1u, 9092),
               DECODE_METERED);                                       /* another connection to the broker */
    assert_own(packet_of("11", OUT, own_port, 9092), DECODE_METERED); /* not TCP */
    assert_own(packet_of("06", "0a0000010a000002", own_port, 9092), DECODE_METERED); /* another host */
}

static void in_a_tunnel_too(void **state) {
    (void)state;
    char text[512] = "4500005a00010000401100000a0000010a000002"
                     "c00012b500460000"
                     "0800000000000100" ETHERNET "0800";
    hex_append(text, sizeof text, packet_of("06", OUT, own_port, 9092));
    assert_reason(decode_with(DECODE_NATIVE, true, LINK_RAW, text), DECODE_own_traffic);
    assert_reason(decode_with(DECODE_NATIVE, false, LINK_RAW, text), DECODE_METERED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_are_left_out),
        cmocka_unit_test(others_are_metered),
        cmocka_unit_test(in_a_tunnel_too),
    };
    return cmocka_run_group_tests(tests, connect_own, close_own);
}
