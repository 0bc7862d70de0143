/* Messages as the kernel makes them, and as nobody should. */
#include "capture/live/interface_message.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* A message that is being made. */
struct draft {
    uint8_t bytes[1024];
    size_t length;
};

static void append(struct draft *draft, const void *bytes, size_t size) {
    assert_true(draft->length + size + 4 <= sizeof draft->bytes);
    memset(draft->bytes + draft->length, 0, size + 4);
    if (size > 0)
        memcpy(draft->bytes + draft->length, bytes, size);
    draft->length += NLMSG_ALIGN(size);
}

static void append_attribute(struct draft *draft, unsigned type, const void *bytes, size_t size) {
    struct rtattr header = {.rta_type = (unsigned short)type, .rta_len = (unsigned short)RTA_LENGTH(size)};
    append(draft, &header, sizeof header);
    append(draft, bytes, size);
}

static void append_number(struct draft *draft, unsigned type, uint32_t number) {
    append_attribute(draft, type, &number, sizeof number);
}

/* Begins an attribute that has others in it; end_nest() with its place ends it. */
static size_t begin_nest(struct draft *draft, unsigned type) {
    size_t place = draft->length;
    append_attribute(draft, type, NULL, 0);
    return place;
}

static void end_nest(struct draft *draft, size_t place) {
    uint16_t length = (uint16_t)(draft->length - place);
    memcpy(draft->bytes + place, &length, sizeof length);
}

static void begin(struct draft *draft, unsigned type, const void *header, size_t size) {
    struct nlmsghdr message = {
        .nlmsg_type = (unsigned short)type, .nlmsg_flags = NLM_F_MULTI, .nlmsg_seq = 5, .nlmsg_pid = 6};
    *draft = (struct draft){.length = 0};
    append(draft, &message, sizeof message);
    append(draft, header, size);
}

static void finish(struct draft *draft) {
    uint32_t length = (uint32_t)draft->length;
    memcpy(draft->bytes, &length, sizeof length);
}

static struct draft veth_message(unsigned type, uint8_t family) {
    struct draft draft;
    struct ifinfomsg header = {
        .ifi_family = family, .ifi_type = ARPHRD_ETHER, .ifi_index = 12, .ifi_flags = IFF_UP | IFF_BROADCAST};
    begin(&draft, type, &header, sizeof header);
    append_attribute(&draft, IFLA_IFNAME, "cali0123456789a", 16);
    append_number(&draft, IFLA_MTU, 1450);
    append_number(&draft, IFLA_MASTER, 4);
    append_number(&draft, IFLA_LINK, 3);
    append_number(&draft, IFLA_LINK_NETNSID, 0);
    size_t nest = begin_nest(&draft, IFLA_LINKINFO | NLA_F_NESTED);
    append_attribute(&draft, IFLA_INFO_KIND, "veth", 4); /* without a NUL too */
    append_attribute(&draft, IFLA_INFO_SLAVE_KIND, "bridge", 7);
    end_nest(&draft, nest);
    append_number(&draft, IFLA_PROMISCUITY, 1);
    finish(&draft);
    return draft;
}

static struct draft route_message(unsigned type, const struct rtmsg *header, uint32_t table, bool has_ways) {
    struct draft draft;
    struct rtnexthop ways[2] = {{.rtnh_len = sizeof *ways, .rtnh_ifindex = 8},
                                {.rtnh_len = sizeof *ways, .rtnh_ifindex = 9}};
    begin(&draft, type, header, sizeof *header);
    append_number(&draft, RTA_TABLE, table);
    append_number(&draft, RTA_PRIORITY, 100);
    if (has_ways)
        append_attribute(&draft, RTA_MULTIPATH, ways, sizeof ways);
    else
        append_number(&draft, RTA_OIF, 7);
    finish(&draft);
    return draft;
}

static struct interface_message parse(const struct draft *draft) {
    struct interface_message message;
    assert_int_equal(interface_message_parse(draft->bytes, draft->length, &message), draft->length);
    return message;
}

static void a_link_is_read(void **state) {
    (void)state;
    struct draft draft = veth_message(RTM_NEWLINK, AF_UNSPEC);
    struct interface_message message = parse(&draft);
    assert_int_equal(message.type, INTERFACE_MESSAGE_LINK);
    assert_int_equal(message.sequence, 5);
    assert_int_equal(message.port, 6);
    assert_false(message.inconsistent);
    assert_int_equal(message.link.index, 12);
    assert_string_equal(message.link.name, "cali0123456789a");
    assert_string_equal(message.link.kind, "veth");
    assert_string_equal(message.link.port_of, "bridge");
    assert_int_equal(message.link.mtu, 1450);
    assert_int_equal(message.link.master, 4);
    assert_int_equal(message.link.lower, 3);
    assert_int_equal(message.link.hardware, ARPHRD_ETHER);
    assert_true(message.link.lower_elsewhere);
    assert_true(message.link.up);
    draft = veth_message(RTM_DELLINK, AF_UNSPEC);
    message = parse(&draft);
    assert_int_equal(message.type, INTERFACE_MESSAGE_LINK_GONE);
    assert_int_equal(message.link.index, 12);
}

/* Of the bridge: that a port is gone is not that the link is gone. */
static void other_messages_are_left_out(void **state) {
    (void)state;
    struct draft draft = veth_message(RTM_DELLINK, AF_BRIDGE);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_OTHER);
    draft = veth_message(RTM_NEWLINK, AF_BRIDGE);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_OTHER);
    draft = veth_message(RTM_NEWNEIGH, AF_UNSPEC);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_OTHER);
    draft = veth_message(RTM_NEWLINK, AF_UNSPEC);
    append_attribute(&draft, IFLA_WIRELESS, "wireless", 8);
    finish(&draft);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_OTHER);
}

static void routes_are_read(void **state) {
    (void)state;
    const enum interface_message_type route = INTERFACE_MESSAGE_ROUTE, gone = INTERFACE_MESSAGE_ROUTE_GONE,
                                      other = INTERFACE_MESSAGE_OTHER;
    const struct {
        enum interface_message_type says;
        unsigned type;
        struct rtmsg header;
        uint32_t table;
        bool has_ways;
    } rows[] = {
        {route, RTM_NEWROUTE, {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST}, RT_TABLE_MAIN, false},
        {route, RTM_NEWROUTE, {.rtm_family = AF_INET6, .rtm_type = RTN_UNICAST}, RT_TABLE_MAIN, true},
        {gone, RTM_DELROUTE, {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST}, RT_TABLE_MAIN, false},
        {gone, RTM_NEWROUTE, {.rtm_family = AF_INET, .rtm_type = RTN_UNREACHABLE}, RT_TABLE_MAIN, false},
        {gone,
         RTM_NEWROUTE,
         {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST, .rtm_flags = RTNH_F_DEAD},
         RT_TABLE_MAIN,
         false},
        {other, RTM_NEWROUTE, {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST}, 1000, false},
        {other, RTM_DELROUTE, {.rtm_family = AF_INET, .rtm_type = RTN_LOCAL}, RT_TABLE_LOCAL, false},
        {other, RTM_NEWROUTE, {.rtm_family = AF_INET, .rtm_dst_len = 24}, RT_TABLE_MAIN, false},
        {other, RTM_NEWROUTE, {.rtm_family = AF_INET6, .rtm_flags = RTM_F_CLONED}, RT_TABLE_MAIN, false},
        {other, RTM_NEWROUTE, {.rtm_family = AF_MPLS}, RT_TABLE_MAIN, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct draft draft = route_message(rows[i].type, &rows[i].header, rows[i].table, rows[i].has_ways);
        struct interface_message message = parse(&draft);
        if (message.type != rows[i].says)
            fail_msg("row %zu: %d instead of %d", i, message.type, rows[i].says);
        if (message.type != route)
            continue;
        assert_int_equal(message.route.metric, 100);
        assert_int_equal(message.route.is_ipv6, rows[i].header.rtm_family == AF_INET6);
        assert_int_equal(message.route.way_count, rows[i].has_ways ? 2 : 1);
        assert_int_equal(message.route.ways[0], rows[i].has_ways ? 8 : 7);
    }
}

static void ends_are_told(void **state) {
    (void)state;
    struct draft draft;
    int32_t error = 0;
    begin(&draft, NLMSG_DONE, &error, sizeof error);
    finish(&draft);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_DONE);
    begin(&draft, NLMSG_DONE, NULL, 0);
    finish(&draft);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_DONE);
    begin(&draft, NLMSG_ERROR, &error, sizeof error);
    finish(&draft);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_OTHER);
    error = -95;
    begin(&draft, NLMSG_ERROR, &error, sizeof error);
    finish(&draft);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_REFUSED);
    begin(&draft, NLMSG_DONE, &error, sizeof error);
    finish(&draft);
    assert_int_equal(parse(&draft).type, INTERFACE_MESSAGE_REFUSED);
}

/* On the heap and exactly as long as it is said to be, so that a sanitizer sees whatever is read behind it. */
static void parse_exactly(const uint8_t *bytes, size_t length) {
    struct interface_message message;
    uint8_t *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    size_t taken = interface_message_parse(copy, length, &message);
    assert_true(taken <= length);
    assert_true(memchr(message.link.name, '\0', sizeof message.link.name) != NULL);
    assert_true(memchr(message.link.kind, '\0', sizeof message.link.kind) != NULL);
    assert_true(memchr(message.link.port_of, '\0', sizeof message.link.port_of) != NULL);
    assert_true(message.route.way_count <= INTERFACE_WAYS_MAX);
    free(copy);
}

static size_t examples(struct draft list[4]) {
    struct rtmsg header = {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST};
    list[0] = veth_message(RTM_NEWLINK, AF_UNSPEC);
    list[1] = veth_message(RTM_DELLINK, AF_UNSPEC);
    list[2] = route_message(RTM_NEWROUTE, &header, RT_TABLE_MAIN, true);
    list[3] = route_message(RTM_NEWROUTE, &header, RT_TABLE_MAIN, false);
    return 4;
}

static void cut_messages_are_bounded(void **state) {
    (void)state;
    struct draft list[4];
    size_t count = examples(list);
    for (size_t i = 0; i < count; i++)
        for (size_t length = 0; length < list[i].length; length++) {
            struct interface_message message;
            assert_int_equal(interface_message_parse(list[i].bytes, length, &message), 0);
            /* The length within the message too. */
            struct draft cut = list[i];
            uint32_t said = (uint32_t)length;
            memcpy(cut.bytes, &said, sizeof said);
            parse_exactly(cut.bytes, length);
        }
}

static void hostile_messages_are_bounded(void **state) {
    (void)state;
    enum { TURNS = 200000 };
    struct draft list[4];
    size_t count = examples(list);
    uint32_t random = 1;
    for (int turn = 0; turn < TURNS; turn++) {
        struct draft draft = list[turn % count];
        for (int change = 0; change < 3; change++) {
            random = random * 1664525u + 1013904223u;
            size_t place = (random >> 8) % draft.length;
            draft.bytes[place] = (uint8_t)(turn % 3 == 0 ? 0xff : turn % 3 == 1 ? 0 : random >> 24);
        }
        parse_exactly(draft.bytes, draft.length);
    }
}

/* More ways than are kept. */
static void ways_are_counted(void **state) {
    (void)state;
    struct draft draft;
    struct rtmsg header = {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST, .rtm_table = RT_TABLE_MAIN};
    begin(&draft, RTM_NEWROUTE, &header, sizeof header);
    size_t nest = begin_nest(&draft, RTA_MULTIPATH);
    for (int i = 1; i <= INTERFACE_WAYS_MAX + 3; i++) {
        struct rtnexthop way = {.rtnh_len = sizeof way, .rtnh_ifindex = i};
        way.rtnh_flags = i == 1 ? RTNH_F_DEAD : 0;
        append(&draft, &way, sizeof way);
    }
    end_nest(&draft, nest);
    finish(&draft);
    struct interface_message message = parse(&draft);
    assert_int_equal(message.type, INTERFACE_MESSAGE_ROUTE);
    assert_int_equal(message.route.way_count, INTERFACE_WAYS_MAX);
    assert_int_equal(message.route.ways[0], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_read),           cmocka_unit_test(other_messages_are_left_out),
        cmocka_unit_test(routes_are_read),          cmocka_unit_test(ends_are_told),
        cmocka_unit_test(cut_messages_are_bounded), cmocka_unit_test(hostile_messages_are_bounded),
        cmocka_unit_test(ways_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
