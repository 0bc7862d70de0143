/* MAC addresses that keep their vendor: a permutation within each, and nothing kept of those that have none. With
 * LONG=yes each of a vendor's addresses is mapped. */
#include "record/anonymize/mac_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocations.h"

enum { DEVICES = 1 << 24, DEVICES_SHORT = 1 << 20 };

static const uint8_t key[16] = {1, 2, 3};
static struct anonymize_mac *mac;

static int set_up(void **state) {
    (void)state;
    mac = anonymize_mac_create(key);
    return mac != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    anonymize_mac_destroy(mac);
    return 0;
}

/* The devices of a vendor stay as many. */
static void a_vendor_is_permuted(void **state) {
    (void)state;
    uint8_t *seen = calloc(DEVICES / 8, 1);
    uint8_t address[6] = {0x80, 0xc6, 0xca}, mapped[6];
    const char *all = getenv("LONG");
    unsigned same = 0, devices = all != NULL && strcmp(all, "yes") == 0 ? DEVICES : DEVICES_SHORT;
    for (unsigned i = 0; i < devices; i++) {
        address[3] = (uint8_t)(i >> 16);
        address[4] = (uint8_t)(i >> 8);
        address[5] = (uint8_t)i;
        if (!anonymize_mac_map(mac, address, mapped) || memcmp(mapped, address, 3) != 0)
            fail_msg("%06x", i);
        unsigned at = (unsigned)mapped[3] << 16 | (unsigned)mapped[4] << 8 | mapped[5];
        if (seen[at / 8] & 1 << at % 8)
            fail_msg("%06x is there twice", at);
        seen[at / 8] = (uint8_t)(seen[at / 8] | 1 << at % 8);
        same += at == i;
    }
    assert_true(same < 20); /* a random permutation has one fixed point on average */
    free(seen);
}

static void another_vendor_is_permuted_otherwise(void **state) {
    (void)state;
    uint8_t one[6] = {0, 0, 1, 4, 5, 6}, other[6] = {0, 0, 2, 4, 5, 6}, mapped_one[6], mapped_other[6];
    assert_true(anonymize_mac_map(mac, one, mapped_one));
    assert_true(anonymize_mac_map(mac, other, mapped_other));
    assert_memory_not_equal(mapped_one + 3, mapped_other + 3, 3);
}

/* Docker's 02:42:IPv4, a phone's random address, multicast made of an IPv6 address. */
static void without_a_vendor_only_the_flags_stay(void **state) {
    (void)state;
    static const uint8_t addresses[][6] = {{0x02, 0x42, 0xac, 0x11, 0x00, 0x02},
                                           {0x02, 0x42, 0xac, 0x11, 0x00, 0x03},
                                           {0xda, 0xa1, 0x19, 0x01, 0x02, 0x03},
                                           {0x33, 0x33, 0xff, 0x00, 0x9e, 0x9f}};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        uint8_t mapped[6];
        assert_true(anonymize_mac_map(mac, addresses[i], mapped));
        assert_int_equal(mapped[0] & 3, addresses[i][0] & 3);
        for (int byte = 1; byte < 5; byte++)
            assert_memory_not_equal(mapped + byte, addresses[i] + byte, 2);
    }
}

static void broadcast_stays(void **state) {
    (void)state;
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
    uint8_t mapped[6];
    assert_true(anonymize_mac_map(mac, broadcast, mapped));
    assert_memory_equal(mapped, broadcast, 6);
}

static void nothing_is_allocated(void **state) {
    (void)state;
    uint8_t address[6] = {0}, mapped[6];
    assert_true(anonymize_mac_map(mac, address, mapped));
    size_t before = allocations;
    for (unsigned i = 0; i < 1000; i++) {
        address[0] = address[5] = (uint8_t)i;
        assert_true(anonymize_mac_map(mac, address, mapped));
    }
    assert_int_equal(allocations, before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vendor_is_permuted),
        cmocka_unit_test(another_vendor_is_permuted_otherwise),
        cmocka_unit_test(without_a_vendor_only_the_flags_stay),
        cmocka_unit_test(broadcast_stays),
        cmocka_unit_test(nothing_is_allocated),
    };
    count_allocations();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
