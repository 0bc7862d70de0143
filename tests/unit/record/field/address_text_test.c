/* Addresses as text, against inet_ntop(). */
#include "record/field/address_text.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_as_inet_ntop(const uint8_t address[16], uint8_t ip_version) {
    char text[ADDRESS_TEXT_MAX], expected[INET6_ADDRSTRLEN];
    size_t length = address_format(address, ip_version, text);
    assert_non_null(inet_ntop(ip_version == 6 ? AF_INET6 : AF_INET, address, expected, sizeof expected));
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
}

static void ipv4_addresses(void **state) {
    (void)state;
    uint8_t address[16] = {0};
    for (uint32_t i = 0; i < 256; i++) {
        memset(address, (int)i, 4);
        address[1] = (uint8_t)(i * 7);
        assert_as_inet_ntop(address, 4);
    }
}

static void ipv6_addresses(void **state) {
    (void)state;
    static const char *const edges[] = {
        "::",
        "::1",
        "::2:1",
        "1::",
        "1:2::",
        "1:0:0:2::",
        "1::2:0:0:3",
        "0:1::",
        "1:2:3:4:5:6:7:8",
        "1:0:3:0:5:0:7:0",
        "::ffff:1.2.3.4",
        "::1.2.3.4",
        "::ffff:0:1",
        "64:ff9b::1.2.3.4",
        "::1:0:0:0:0",
        "ffff::ffff:ffff",
        "0:0:1::",
        "::fffe:1.2.3.4",
        "fe80::1",
    };
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        uint8_t address[16];
        assert_int_equal(inet_pton(AF_INET6, edges[i], address), 1);
        assert_as_inet_ntop(address, 6);
    }
    /* Every pattern of zero and non-zero groups, with groups of every width. */
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        for (unsigned width = 0; width < 4; width++) {
            uint8_t address[16] = {0};
            for (size_t group = 0; group < 8; group++) {
                if (pattern & 1u << group) {
                    unsigned number = 0xabcdu >> (4 * ((group + width) % 4));
                    address[2 * group] = (uint8_t)(number >> 8);
                    address[2 * group + 1] = (uint8_t)number;
                }
            }
            assert_as_inet_ntop(address, 6);
        }
    }
}

static void mac_addresses(void **state) {
    (void)state;
    static const uint8_t mac[6] = {0x00, 0x1f, 0xa0, 0xff, 0x9e, 0x02};
    char text[MAC_TEXT_LENGTH];
    mac_format(mac, text);
    assert_memory_equal(text, "00:1f:a0:ff:9e:02", MAC_TEXT_LENGTH);
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t bytes[6];
        char expected[MAC_TEXT_LENGTH + 1];
        for (unsigned i = 0; i < 6; i++)
            bytes[i] = (uint8_t)(byte + 43 * i);
        snprintf(expected, sizeof expected, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2],
                 bytes[3], bytes[4], bytes[5]);
        mac_format(bytes, text);
        assert_memory_equal(text, expected, MAC_TEXT_LENGTH);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_addresses),
        cmocka_unit_test(ipv6_addresses),
        cmocka_unit_test(mac_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
