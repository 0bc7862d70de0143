/* What stands between link and IP: each header alone, behind and before a VLAN tag, twice, and cut at every byte. */
#include <stdio.h>

#include "decode/hex_frame.h"

/* A header from its EtherType on, with the one of what follows; and where that is told otherwise, the same before
 * IPv6. */
struct tag {
    const char *name, *header, *before_ipv6;
    bool before_tags; /* may stand before a VLAN tag */
};

#define SAME NULL
static const struct tag tags[] = {
    {"vlan", "8100e007", SAME, true},
    {"e_tag",
     "893f"
     "e00a8010"
     "0102",
     SAME, true},
    {"vn_tag",
     "8926"
     "80050007",
     SAME, true},
    {"cmd",
     "8909"
     "01010001"
     "0777",
     SAME, true},
    {"ttag",
     "88b5"
     "0123456789ab",
     SAME, false},
    {"ttag of the other number",
     "88b6"
     "000000000001",
     SAME, false},
    {"arista",
     "d28b"
     "00010010"
     "5f5e10001dcd6500",
     SAME, true},
    {"arista of 48 bits",
     "d28b"
     "00010020"
     "10001dcd6500",
     SAME, true},
    {"arista in UTC, of newer hardware",
     "d28b"
     "00010111"
     "5f5e10001dcd6500",
     SAME, true},
    {"hsr",
     "892f"
     "00341234",
     SAME, true},
    {"r_tag",
     "f1c1"
     "00001234",
     SAME, true},
    {"nsh",
     "894f"
     "0fc60101"
     "00002a05"
     "00000001000000020000000300000004",
     "894f"
     "0fc60102"
     "00002a05"
     "00000001000000020000000300000004",
     false},
    {"nsh of variable length",
     "894f"
     "0fc40201"
     "00002a05"
     "0123450400000001",
     "894f"
     "0fc20202"
     "00002a05",
     false},
    {"nsh in nsh",
     "894f"
     "0fc20204"
     "00002a05"
     "0fc20201"
     "00002b05",
     "894f"
     "0fc20204"
     "00002a05"
     "0fc20202"
     "00002b05",
     false},
    {"nsh and mpls",
     "894f"
     "0fc20205"
     "00002a05"
     "00010140",
     SAME, false},
    {"nsh and ethernet",
     "894f"
     "0fc20203"
     "00002a05" ETHERNET "0800",
     "894f"
     "0fc20203"
     "00002a05" ETHERNET "86dd",
     false},
};

/* Whether the header tells the EtherType of what follows, as its last part. */
static bool tells_type(const struct tag *tag) {
    return tag->before_ipv6 == SAME && strncmp(tag->header, "894f", 4) != 0;
}

/* Every shorter frame has a reason, down to the ports; from there on it is metered. */
static void assert_cuts(const char *frame) {
    struct packet packet;
    size_t length = strlen(frame) / 2, ports = length - strlen(UDP) / 2 + 4;
    for (size_t kept = 0; kept < length; kept++) {
        enum decode_reason reason = decode_snapped(LINK_ETHERNET, frame, kept, &packet);
        if ((reason == DECODE_METERED) != (kept >= ports))
            fail_msg("%s: %zu of %zu bytes: %s", frame, kept, length, decode_reason_name(reason));
    }
}

static void assert_frame(const struct tag *tag, const char *before, const char *after, bool is_ipv6) {
    char frame[1024];
    const char *header = is_ipv6 && tag->before_ipv6 != SAME ? tag->before_ipv6 : tag->header;
    snprintf(frame, sizeof frame, "%s%s%s%s%s%s", ETHERNET, before, header, after,
             tells_type(tag) || *after != '\0' ? is_ipv6 ? "86dd" : "0800" : "",
             is_ipv6 ? IPV6_UDP : IPV4_UDP);
    struct packet packet = assert_udp(DECODE_NATIVE, LINK_ETHERNET, frame);
    assert_int_equal(packet.ip_version, is_ipv6 ? 6 : 4);
    assert_int_equal(packet.tunnel, TUNNEL_NONE);
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\1", 6);
    if (*before != '\0' || *after != '\0')
        assert_int_equal(packet.vlan_id, strstr(tag->header, "8100e007") && *after == '\0' ? 7 : 9);
    assert_cuts(frame);
}

static void every_tag(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
            assert_frame(&tags[i], "", "", is_ipv6);
            assert_frame(&tags[i], "81000009", "", is_ipv6);
            if (tags[i].before_tags)
                assert_frame(&tags[i], "", "81000009", is_ipv6);
        }
    }
}

/* As behind a VLAN tag. */
static void a_length_behind_a_tag(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        char frame[1024];
        if (!tags[i].before_tags)
            continue;
        snprintf(frame, sizeof frame, "%s%s%s", ETHERNET, tags[i].header,
                 "0026"
                 "aaaa03000000"
                 "0800" IPV4_UDP);
        assert_udp(DECODE_NATIVE, LINK_ETHERNET, frame);
    }
}

static void tags_without_end_are_too_deep(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        char frame[16384] = ETHERNET;
        for (int turn = 0; turn < 100 && tags[i].before_tags; turn++)
            hex_append(frame, sizeof frame, tags[i].header);
        hex_append(frame, sizeof frame, "0800" IPV4_UDP);
        if (tags[i].before_tags)
            assert_ignored(DECODE_NATIVE, LINK_ETHERNET, frame, DECODE_too_deep);
    }
    char frame[16384] = ETHERNET "894f";
    for (int turn = 0; turn < 100; turn++)
        hex_append(frame, sizeof frame, "0fc2020400002a05");
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET, frame, DECODE_too_deep);
}

/* What doesn't look like the header that its EtherType announces. */
static void damaged_tags(void **state) {
    (void)state;
    static const char *const headers[] = {
        "8909"
        "02010001"
        "0777"
        "0800", /* version 2 of CMD */
        "8909"
        "01020001"
        "07770001"
        "0800", /* more than one option */
        "d28b"
        "00020010"
        "5f5e10001dcd6500"
        "0800", /* another subtype of Arista's */
        "d28b"
        "00010210"
        "5f5e10001dcd6500"
        "0800",
        "d28b"
        "00010030"
        "5f5e10001dcd6500"
        "0800",
        "88b5"
        "0123456789ab"
        "0806", /* no IP behind what may be a TTag */
        "88b5"
        "0123456789ab"
        "86dd", /* another IP than it says */
        "894f"
        "4fc20201"
        "00002a05", /* version 1 of NSH */
        "894f"
        "2fc20201"
        "00002a05", /* operation and maintenance */
        "894f"
        "0fc10201"
        "00002a05", /* shorter than its fixed part */
        "894f"
        "0fc20101"
        "00002a05", /* fixed metadata, and no room for them */
        "894f"
        "0fc20301"
        "00002a05", /* unknown metadata */
        "894f"
        "0fc20206"
        "00002a05", /* unknown protocol */
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char frame[1024];
        snprintf(frame, sizeof frame, "%s%s%s", ETHERNET, headers[i], IPV4_UDP);
        assert_ignored(DECODE_NATIVE, LINK_ETHERNET, frame, DECODE_not_ip);
    }
}

/* An IPv4 header behind a time stamp that claims less than itself. */
static void a_packet_shorter_than_its_header(void **state) {
    (void)state;
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "88b5"
                            "0123456789ab"
                            "0800"
                            "45000013000100004011"
                            "0000" ADDRESSES_4 UDP,
                   DECODE_not_ip);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tag),
        cmocka_unit_test(a_length_behind_a_tag),
        cmocka_unit_test(tags_without_end_are_too_deep),
        cmocka_unit_test(damaged_tags),
        cmocka_unit_test(a_packet_shorter_than_its_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
