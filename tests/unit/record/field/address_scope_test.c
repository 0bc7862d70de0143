/* Both ends of each range, and what lies beside them. */
#include "record/field/address_scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

static void scopes_end_where_their_ranges_do(void **state) {
    (void)state;
    static const struct {
        const char *address, *scope;
    } cases[] = {
        {"0.0.0.0", "unspecified"},
        {"0.0.0.1", "global"},
        {"9.255.255.255", "global"},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"11.0.0.0", "global"},
        {"100.63.255.255", "global"},
        {"100.64.0.0", "shared"},
        {"100.127.255.255", "shared"},
        {"100.128.0.0", "global"},
        {"127.0.0.0", "loopback"},
        {"127.255.255.255", "loopback"},
        {"128.0.0.0", "global"},
        {"169.253.255.255", "global"},
        {"169.254.0.0", "link_local"},
        {"169.254.255.255", "link_local"},
        {"169.255.0.0", "global"},
        {"172.15.255.255", "global"},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"172.32.0.0", "global"},
        {"192.167.255.255", "global"},
        {"192.168.0.0", "private"},
        {"192.168.255.255", "private"},
        {"192.169.0.0", "global"},
        {"223.255.255.255", "global"},
        {"224.0.0.0", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.0", "global"},
        {"255.255.255.254", "global"},
        {"255.255.255.255", "broadcast"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "global"},
        {"::ffff:10.0.0.1", "global"},
        {"a00::", "global"},
        {"fbff::", "global"},
        {"fc00::", "private"},
        {"fdff:ffff::", "private"},
        {"fe00::", "global"},
        {"fe7f::", "global"},
        {"fe80::", "link_local"},
        {"febf:ffff::", "link_local"},
        {"fec0::", "global"},
        {"feff::", "global"},
        {"ff00::", "multicast"},
        {"ffff::", "multicast"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t address[16] = {0};
        uint8_t version = strchr(cases[i].address, ':') != NULL ? 6 : 4;
        assert_int_equal(inet_pton(version == 6 ? AF_INET6 : AF_INET, cases[i].address, address), 1);
        assert_string_equal(address_scope(address, version), cases[i].scope);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_end_where_their_ranges_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
