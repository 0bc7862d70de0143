#include <stdio.h>

#include "decode/hex_frame.h"

static struct packet metered(const char *text) {
    struct packet packet;
    assert_reason(decode_native(LINK_RAW, text, &packet), DECODE_METERED);
    return packet;
}

static void refused(const char *text, enum decode_reason reason) {
    assert_ignored(DECODE_NATIVE, LINK_RAW, text, reason);
}

static void ipv4_options_are_skipped(void **state) {
    (void)state;
    struct packet packet = metered("4600002200010000"
                                   "40110000" ADDRESSES_4 "01010101" UDP);
    assert_int_equal(packet.source_port, 1234);
    assert_int_equal(packet.size[ACCOUNT_IP], 34);
    assert_int_equal(packet.size[ACCOUNT_TRANSPORT], 10);
}

static void impossible_ipv4_headers_are_refused(void **state) {
    (void)state;
    refused("4400001e00010000"
            "40110000" ADDRESSES_4 UDP,
            DECODE_ip_malformed); /* header of 16 bytes */
    refused("4500001300010000"
            "40110000" ADDRESSES_4 UDP,
            DECODE_ip_malformed); /* total below the header */
    refused("4f00003c00010000"
            "40110000" ADDRESSES_4 UDP,
            DECODE_ip_truncated);
    refused("55", DECODE_ip_malformed);
}

static void a_cut_packet_is_metered_and_flagged(void **state) {
    (void)state;
    struct packet four = metered("450005dc00010000"
                                 "40110000" ADDRESSES_4 "04d2003505c80000"
                                 "68");
    assert_true(four.flags == PACKET_TRUNCATED);
    assert_int_equal(four.size[ACCOUNT_IP], 1500);
    assert_int_equal(four.size[ACCOUNT_PAYLOAD], 1472);
    assert_int_equal(four.ip_captured, 29);
    struct packet six = metered("600000000100"
                                "1140" ADDRESSES_6 UDP);
    assert_true(six.flags == PACKET_TRUNCATED);
    assert_int_equal(six.size[ACCOUNT_IP], 40 + 256);
    assert_int_equal(six.size[ACCOUNT_PAYLOAD], 248);
}

static void length_0_means_all_that_was_on_the_wire(void **state) {
    (void)state;
    struct packet four = metered("4500000000010000"
                                 "40110000" ADDRESSES_4 UDP);
    assert_true(four.flags == PACKET_OFFLOAD);
    assert_int_equal(four.size[ACCOUNT_IP], 30);
    assert_int_equal(four.size[ACCOUNT_PAYLOAD], 2);
    struct packet six = metered("600000000000"
                                "1140" ADDRESSES_6 UDP);
    assert_true(six.flags == PACKET_OFFLOAD);
    assert_int_equal(six.size[ACCOUNT_PAYLOAD], 2);
}

static void ipv6_extension_headers_are_walked(void **state) {
    (void)state;
    static const char *const kinds[] = {"00", "2b", "3c", "87", "8b", "8c"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char text[512] = "60000000001a";
        hex_append(text, sizeof text, kinds[i]);
        struct packet packet = metered(hex_append(text, sizeof text,
                                                  "40" ADDRESSES_6 "1101000000000000"
                                                  "0000000000000000" UDP));
        assert_int_equal(packet.protocol, 17);
        assert_int_equal(packet.destination_port, 53);
        assert_int_equal(packet.size[ACCOUNT_TRANSPORT], 10);
        assert_int_equal(packet.size[ACCOUNT_IP], 66);
    }
    /* AH counts in units of 4 bytes; destination options follow it here. */
    struct packet packet = metered("60000000001e"
                                   "3340" ADDRESSES_6 "3c01000000000000"
                                   "00000000"
                                   "1100000000000000" UDP);
    assert_int_equal(packet.destination_port, 53);
    assert_int_equal(packet.size[ACCOUNT_TRANSPORT], 10);
}

static void bad_extension_headers_are_refused(void **state) {
    (void)state;
    refused("600000000012"
            "0040" ADDRESSES_6 "1109000000000000" UDP,
            DECODE_ip_extension); /* beyond the packet */
    refused("600000000004"
            "0040" ADDRESSES_6 "11000000",
            DECODE_ip_extension);
    char text[8192] = "600000000802"
                      "0040" ADDRESSES_6;
    for (int i = 0; i < 255; i++)
        hex_append(text, sizeof text, "0000000000000000");
    refused(hex_append(text, sizeof text, "1100000000000000" UDP), DECODE_too_deep);
}

/* Tunnel mode as well: what follows is told by its Next Header. */
static void ah_is_walked_in_both_versions(void **state) {
    (void)state;
    static const char *const outer[] = {"45000000000100004033000001010101"
                                        "02020202",
                                        "600000000000"
                                        "3340" ADDRESSES_6};
    for (size_t i = 0; i < 2; i++) {
        /* An integrity check of 12 bytes in front of UDP, one of 16 in front of IPv4, and two of none. */
        static const char *const headers[] = {
            "1104000000000101000000010102030405060708090a0b0c" UDP,
            "04050000000001010000000101020304050607080900010203040506" IPV4_UDP,
            "330100000000010100000001"
            "110100000000010200000001" UDP};
        static const size_t lengths[] = {10, 30, 10}, skipped[] = {24, 28, 24};
        for (size_t j = 0; j < 3; j++) {
            char text[512] = "";
            hex_append(text, sizeof text, outer[i]);
            hex_append(text, sizeof text, headers[j]);
            size_t payload = skipped[j] + lengths[j];
            char length[5];
            snprintf(length, sizeof length, "%04zx", i == 0 ? 20 + payload : payload);
            memcpy(text + (i == 0 ? 4 : 8), length, 4);
            struct packet packet = metered(text);
            assert_int_equal(packet.protocol, 17);
            assert_int_equal(packet.source_port, 1234);
            assert_int_equal(packet.size[ACCOUNT_TRANSPORT], 10);
            assert_int_equal(packet.ip_version, j == 1 ? 4 : i == 0 ? 4 : 6);
        }
    }
    refused("4500001e00010000"
            "40330000" ADDRESSES_4 "1104000000000101"
            "0000",
            DECODE_ip_extension); /* 24 bytes of 10 */
    /* Headers of IPv6 alone are IPv4's payload. */
    struct packet packet = metered("4500001c00010000"
                                   "403c0000" ADDRESSES_4 "1100000000000000");
    assert_int_equal(packet.protocol, 60);
}

static void no_next_header_is_a_protocol_without_ports(void **state) {
    (void)state;
    struct packet packet = metered("600000000000"
                                   "3b40" ADDRESSES_6);
    assert_int_equal(packet.protocol, 59);
    assert_int_equal(packet.source_port, 0);
    assert_int_equal(packet.size[ACCOUNT_TRANSPORT], 0);
}

static void ip_in_ip_is_metered_inside(void **state) {
    (void)state;
    assert_udp(DECODE_NATIVE, LINK_RAW,
               "4500003200010000"
               "40040000"
               "01010101"
               "02020202" IPV4_UDP);
    assert_udp(DECODE_NATIVE, LINK_RAW,
               "4500004600010000"
               "40290000"
               "01010101"
               "02020202" IPV6_UDP);
    assert_udp(DECODE_NATIVE, LINK_RAW,
               "60000000001e"
               "0440" ADDRESSES_6 IPV4_UDP);
    assert_udp(DECODE_NATIVE, LINK_RAW,
               "600000000032"
               "2940" ADDRESSES_6 IPV6_UDP);
    struct packet packet = metered("4500003200010000"
                                   "40040000"
                                   "01010101"
                                   "02020202" IPV4_UDP);
    assert_memory_equal(packet.ip, "\x45\0\0\x1e", 4);
    assert_int_equal(packet.ip_captured, 30);
    assert_int_equal(packet.tunnel, TUNNEL_NONE);
}

static void the_inner_packet_ends_with_the_outer_one(void **state) {
    (void)state;
    /* The outer header announces one byte less than the inner one. */
    struct packet packet = metered("4500003100010000"
                                   "40040000"
                                   "01010101"
                                   "02020202" IPV4_UDP);
    assert_int_equal(packet.ip_captured, 29);
    assert_true(packet.flags & PACKET_TRUNCATED);
}

static void nesting_has_a_limit(void **state) {
    (void)state;
    char text[8192] = "";
    for (int i = 0; i < 60; i++)
        hex_append(text, sizeof text,
                   "4500000000010000"
                   "40040000"
                   "01010101"
                   "02020202");
    hex_append(text, sizeof text, IPV4_UDP);
    refused(text, DECODE_too_deep);
    assert_ignored(DECODE_NFSTREAM, LINK_RAW, text, DECODE_too_deep);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_options_are_skipped),
        cmocka_unit_test(impossible_ipv4_headers_are_refused),
        cmocka_unit_test(a_cut_packet_is_metered_and_flagged),
        cmocka_unit_test(length_0_means_all_that_was_on_the_wire),
        cmocka_unit_test(ipv6_extension_headers_are_walked),
        cmocka_unit_test(bad_extension_headers_are_refused),
        cmocka_unit_test(ah_is_walked_in_both_versions),
        cmocka_unit_test(no_next_header_is_a_protocol_without_ports),
        cmocka_unit_test(ip_in_ip_is_metered_inside),
        cmocka_unit_test(the_inner_packet_ends_with_the_outer_one),
        cmocka_unit_test(nesting_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
