#include "capture/live/interface_rules.h"

#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 8 };

/* A list of words that ends with NULL. */
typedef const char *const words[WORDS_MAX];

static size_t count_of(const char *const *list) {
    size_t count = 0;
    while (count < WORDS_MAX && list[count] != NULL)
        count++;
    return count;
}

static struct interface_rules *make(const char *const *interfaces, const char *const *roles) {
    struct interface_rules *rules = NULL;
    struct error error = {0};
    if (interface_rules_create(interfaces, count_of(interfaces), roles, count_of(roles), &rules, &error) != 0)
        fail_msg("%s", error.text);
    return rules;
}

static struct interface_link named(const char *name) {
    struct interface_link link = {.index = 7, .hardware = ARPHRD_ETHER};
    strncpy(link.name, name, sizeof link.name - 1);
    link.is_default_route = strcmp(name, "eth0") == 0;
    return link;
}

static void words_select(void **state) {
    (void)state;
    static const struct {
        words interfaces;
        words selected, others;
    } rows[] = {
        {{"eth1"}, {"eth1"}, {"eth0", "eth10", "eth"}},
        {{"auto"}, {"eth0"}, {"eth1", "auto"}},
        {{"*"}, {"eth0", "lo", "caliabc"}, {NULL}},
        {{"eth?", "cali*"}, {"eth0", "eth9", "cali"}, {"eth10", "lo", "xcali"}},
        {{"eth[01]"}, {"eth0", "eth1"}, {"eth2"}},
        {{"*", "!lo", "!docker*"}, {"eth0", "lo0"}, {"lo", "docker0"}},
        /* The order is of no matter. */
        {{"!eth1", "eth*"}, {"eth0"}, {"eth1", "lo"}},
        {{"eth*", "!eth1", "eth1"}, {"eth0"}, {"eth1"}},
        {{"auto", "cali*"}, {"eth0", "cali1"}, {"eth1"}},
        {{"*", "!auto"}, {"eth1", "lo"}, {"eth0"}},
        /* All but these. */
        {{"!lo"}, {"eth0", "cali1"}, {"lo"}},
        {{"!lo", "!cali*"}, {"eth0"}, {"lo", "cali1"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct interface_rules *rules = make(rows[i].interfaces, (words){NULL});
        for (size_t j = 0; j < count_of(rows[i].selected); j++) {
            struct interface_link link = named(rows[i].selected[j]);
            if (!interface_rules_select(rules, &link))
                fail_msg("row %zu: %s is not selected", i, link.name);
        }
        for (size_t j = 0; j < count_of(rows[i].others); j++) {
            struct interface_link link = named(rows[i].others[j]);
            if (interface_rules_select(rules, &link))
                fail_msg("row %zu: %s is selected", i, link.name);
        }
        interface_rules_destroy(rules);
    }
}

struct role_row {
    const char *role;
    struct interface_link link;
};

static void check_roles(const char *const *roles, const struct role_row *rows, size_t count) {
    struct interface_rules *rules = make((words){"*"}, roles);
    for (size_t i = 0; i < count; i++) {
        const char *role = interface_role_name(interface_rules_role(rules, &rows[i].link));
        if (strcmp(role, rows[i].role) != 0)
            fail_msg("%s has the role %s instead of %s", rows[i].link.name, role, rows[i].role);
    }
    interface_rules_destroy(rules);
}

#define CHECK_ROLES(roles, rows) check_roles(roles, rows, sizeof(rows) / sizeof *(rows))

static void interfaces_have_roles(void **state) {
    (void)state;
    static const struct role_row rows[] = {
        {"host", {.name = "lo", .hardware = ARPHRD_LOOPBACK}},
        {"host", {.name = "br0", .kind = "bridge", .hardware = ARPHRD_ETHER}},
        {"host", {.name = "dummy0", .kind = "dummy", .hardware = ARPHRD_ETHER}},
        {"host", {.name = "eth0.5", .kind = "vlan", .lower = 2, .hardware = ARPHRD_ETHER}},
        {"host", {.name = "cilium_host", .kind = "veth", .lower = 5, .hardware = ARPHRD_ETHER}},
        {"uplink", {.name = "eth1", .hardware = ARPHRD_ETHER}},
        {"uplink", {.name = "br-ex", .kind = "bridge", .is_default_route = true}},
        {"uplink", {.name = "eth0.7", .kind = "vlan", .lower = 2, .is_default_route = true}},
        /* In a pod. */
        {"uplink", {.name = "eth0", .kind = "veth", .lower_elsewhere = true, .is_default_route = true}},
        /* A bond sees what its ports see, a bridge does not. */
        {"uplink", {.name = "bond0", .kind = "bond", .hardware = ARPHRD_ETHER}},
        {"host", {.name = "ens1", .master = 9, .port_of = "bond", .hardware = ARPHRD_ETHER}},
        {"host", {.name = "ens2", .master = 9, .port_of = "team", .hardware = ARPHRD_ETHER}},
        {"host", {.name = "enP1", .master = 2, .hardware = ARPHRD_ETHER}},
        {"uplink", {.name = "ens3", .master = 9, .port_of = "bridge", .hardware = ARPHRD_ETHER}},
        {"pod", {.name = "v1", .kind = "veth", .lower = 5, .lower_elsewhere = true}},
        {"pod", {.name = "veth12", .kind = "veth", .lower = 5}},
        {"pod", {.name = "cali01234567890", .kind = "veth", .lower = 5, .lower_elsewhere = true}},
        {"pod", {.name = "lxc_health", .kind = "netkit", .lower = 5, .lower_elsewhere = true}},
        {"pod", {.name = "eni0123", .kind = "veth", .lower = 5}},
        {"pod", {.name = "gke1", .kind = "veth", .lower = 5}},
        {"pod", {.name = "azv1", .kind = "veth", .lower = 5}},
        {"host", {.name = "ipvl0", .kind = "ipvlan", .lower = 5, .lower_elsewhere = true}},
        {"pod", {.name = "tap0", .kind = "tun", .hardware = ARPHRD_ETHER}},
        {"tunnel", {.name = "tun0", .kind = "tun", .hardware = ARPHRD_NONE}},
        {"tunnel", {.name = "flannel.1", .kind = "vxlan", .lower = 2, .hardware = ARPHRD_ETHER}},
        {"tunnel", {.name = "genev_sys_6081", .kind = "geneve", .hardware = ARPHRD_ETHER}},
        {"tunnel", {.name = "gre1", .kind = "gre", .lower = 2}},
        {"tunnel", {.name = "gre2", .kind = "gretap"}},
        {"tunnel", {.name = "gre3", .kind = "ip6gre"}},
        {"tunnel", {.name = "tunl0", .kind = "ipip", .hardware = ARPHRD_TUNNEL}},
        {"tunnel", {.name = "sit0", .kind = "sit", .hardware = ARPHRD_SIT}},
        {"tunnel", {.name = "ip6tnl0", .kind = "ip6tnl", .hardware = ARPHRD_TUNNEL6}},
        /* A tunnel stays one whatever takes it. */
        {"tunnel", {.name = "wg0", .kind = "wireguard", .is_default_route = true}},
    };
    CHECK_ROLES(((words){NULL}), rows);
}

static void words_override_roles(void **state) {
    (void)state;
    static const struct role_row rows[] = {
        {"pod", {.name = "wg-pod1", .kind = "wireguard"}},
        {"uplink", {.name = "wg0", .kind = "wireguard"}},
        {"host", {.name = "eth0", .is_default_route = true}},
        {"uplink", {.name = "eth1"}},
        {"tunnel", {.name = "nebula1", .kind = "dummy"}},
    };
    CHECK_ROLES(((words){"pod:wg-pod*", "uplink:wg*", "host:eth0", "tunnel:nebula?", "pod:nebula1"}), rows);
}

static void bad_words_are_refused(void **state) {
    (void)state;
    static const struct {
        words interfaces, roles;
        const char *says;
    } rows[] = {
        {{NULL}, {NULL}, "capture.interfaces names no interface"},
        {{"eth0", ""}, {NULL}, "capture.interfaces: \"\" names no interface"},
        {{"!"}, {NULL}, "\"!\" names no interface"},
        {{"eth0,eth1 eth2"}, {NULL}, "has a space"},
        {{"/sys/eth0"}, {NULL}, "has a space"},
        {{"abcdefghijklmnop"}, {NULL}, "at most 15 characters"},
        {{"!abcdefghijklmnop"}, {NULL}, "at most 15 characters"},
        {{"abcdefghijklmnopabcdefghijklmno*"}, {NULL}, "at most 15 characters"},
        {{"*"}, {"eth0"}, "capture.roles: \"eth0\" is not ROLE:NAME"},
        {{"*"}, {"uplinks:eth0"}, "is not ROLE:NAME"},
        {{"*"}, {"uplink"}, "is not ROLE:NAME"},
        {{"*"}, {"uplink:"}, "capture.roles: \"uplink:\" names no interface"},
        {{"*"}, {"pod:cali*", "Pod:lxc*"}, "\"Pod:lxc*\" is not ROLE:NAME"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct interface_rules *rules = NULL;
        struct error error = {0};
        int result = interface_rules_create(rows[i].interfaces, count_of(rows[i].interfaces), rows[i].roles,
                                            count_of(rows[i].roles), &rules, &error);
        assert_true(result < 0);
        assert_null(rules);
        assert_int_equal(error.exit_code, EX_CONFIG);
        if (strstr(error.text, rows[i].says) == NULL)
            fail_msg("row %zu: \"%s\" doesn't say \"%s\"", i, error.text, rows[i].says);
    }
    interface_rules_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_select),
        cmocka_unit_test(interfaces_have_roles),
        cmocka_unit_test(words_override_roles),
        cmocka_unit_test(bad_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
