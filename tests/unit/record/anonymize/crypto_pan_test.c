/* Crypto-PAn: the sample trace that came with its authors' program, and what the mapping promises, on ten million pairs.
 * With LONG=yes also ten million of IPv6. */
#include "record/anonymize/crypto_pan.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocations.h"

enum { PAIRS = 10000000, PAIRS_SHORT = 500000 };

static const uint8_t sample_key[CRYPTO_PAN_KEY_SIZE] = {21,  34, 23,  141, 51, 164, 207, 128, 19,  10,  91,
                                                        22,  73, 144, 125, 16, 216, 152, 143, 131, 121, 121,
                                                        101, 39, 98,  87,  76, 45,  42,  132, 34,  2};

/* The distinct addresses of the reference implementation's sample trace, raw and sanitized. */
static const char *const sample[][2] = {
    {"128.11.68.132", "135.242.180.132"},   {"129.118.74.4", "134.136.186.123"},
    {"130.132.252.244", "133.68.164.234"},  {"141.223.7.43", "141.167.8.160"},
    {"141.233.145.108", "141.129.237.235"}, {"152.163.225.39", "151.140.114.167"},
    {"156.29.3.236", "147.225.12.42"},      {"165.247.96.84", "162.9.99.234"},
    {"166.107.77.190", "160.132.178.185"},  {"192.102.249.13", "252.138.62.131"},
    {"192.215.32.125", "252.43.47.189"},    {"192.233.80.103", "252.25.108.8"},
    {"192.41.57.43", "252.222.221.184"},    {"193.150.244.223", "253.169.52.216"},
    {"195.205.63.100", "255.186.223.5"},    {"198.200.171.101", "249.199.68.213"},
    {"198.26.132.101", "249.36.123.202"},   {"198.36.213.5", "249.7.21.132"},
    {"198.51.77.238", "249.18.186.254"},    {"199.217.79.101", "248.38.184.213"},
    {"202.49.198.20", "245.206.7.234"},     {"203.12.160.252", "244.248.163.4"},
    {"204.184.162.189", "243.192.77.90"},   {"204.202.136.230", "243.178.4.198"},
    {"204.29.20.4", "243.33.20.123"},       {"205.178.38.67", "242.108.198.51"},
    {"205.188.147.153", "242.96.16.101"},   {"205.188.248.25", "242.96.88.27"},
    {"205.245.121.43", "242.21.121.163"},   {"207.105.49.5", "241.118.205.138"},
    {"207.135.65.238", "241.202.129.222"},  {"207.155.9.214", "241.220.250.22"},
    {"207.188.7.45", "241.255.249.220"},    {"207.25.71.27", "241.33.119.156"},
    {"207.33.151.131", "241.1.233.131"},    {"208.147.89.59", "227.237.98.191"},
    {"208.234.120.210", "227.154.67.17"},   {"208.28.185.184", "227.39.94.90"},
    {"208.52.56.122", "227.8.63.165"},      {"209.12.231.7", "226.243.167.8"},
    {"209.238.72.3", "226.6.119.243"},      {"209.246.74.109", "226.22.124.76"},
    {"209.68.60.238", "226.184.220.233"},   {"209.85.249.6", "226.170.70.6"},
    {"212.120.124.31", "228.135.163.231"},  {"212.146.8.236", "228.19.4.234"},
    {"212.186.227.154", "228.59.98.98"},    {"212.204.172.118", "228.71.195.169"},
    {"212.206.130.201", "228.69.242.193"},  {"216.148.237.145", "235.84.194.111"},
    {"216.157.30.252", "235.89.31.26"},     {"216.184.159.48", "235.96.225.78"},
    {"216.227.10.221", "235.28.253.36"},    {"216.254.18.172", "235.7.16.162"},
    {"216.32.132.250", "235.192.139.38"},   {"216.35.217.178", "235.195.157.81"},
    {"24.0.250.221", "100.15.198.226"},     {"24.13.62.231", "100.2.192.247"},
    {"24.14.213.138", "100.1.42.141"},      {"24.5.0.80", "100.9.15.210"},
    {"24.7.198.88", "100.10.6.25"},         {"24.94.26.44", "100.88.228.35"},
    {"38.15.67.68", "64.3.66.187"},         {"4.3.88.225", "124.60.155.63"},
    {"63.14.55.111", "95.9.215.7"},         {"63.195.241.44", "95.179.238.44"},
    {"63.97.7.140", "95.97.9.123"},         {"64.14.118.196", "0.255.183.58"},
    {"64.34.154.117", "0.221.154.117"},     {"64.39.15.238", "0.219.7.41"},
};

/* What the Go implementation lists for IPv6 under the same key, where the reference has none. */
static const char *const sample_ipv6[][2] = {
    {"::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"},
    {"::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"},
    {"::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"},
    {"2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"},
    {"2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"},
};

static struct crypto_pan *pan;

static int set_up(void **state) {
    (void)state;
    pan = crypto_pan_create(sample_key);
    return pan != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    crypto_pan_destroy(pan);
    return 0;
}

static void map(int family, const uint8_t *address, uint8_t *mapped) {
    assert_true(family == AF_INET ? crypto_pan_ipv4(pan, address, mapped)
                                  : crypto_pan_ipv6(pan, address, mapped));
}

static void assert_mapped(int family, const char *const pair[2]) {
    uint8_t address[16], mapped[16];
    char text[INET6_ADDRSTRLEN];
    assert_int_equal(inet_pton(family, pair[0], address), 1);
    map(family, address, mapped);
    inet_ntop(family, mapped, text, sizeof text);
    assert_string_equal(text, pair[1]);
}

static void the_published_trace(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sample / sizeof *sample; i++)
        assert_mapped(AF_INET, sample[i]);
    for (size_t i = 0; i < sizeof sample_ipv6 / sizeof *sample_ipv6; i++)
        assert_mapped(AF_INET6, sample_ipv6[i]);
}

static uint64_t draw(uint64_t *random) {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static int common_bits(const uint8_t *one, const uint8_t *other, int bits) {
    int common = 0;
    while (common < bits && ((one[common / 8] ^ other[common / 8]) & 0x80 >> common % 8) == 0)
        common++;
    return common;
}

/* Two addresses that share exactly `length` bits: the next one differs, the rest is random. */
static void draw_pair(uint64_t *random, int bits, int length, uint8_t one[16], uint8_t other[16]) {
    for (int i = 0; i < 16; i += 8) {
        uint64_t first = draw(random), second = draw(random);
        memcpy(one + i, &first, 8);
        memcpy(other + i, &second, 8);
    }
    for (int i = 0; i <= length && i < bits; i++) {
        uint8_t mask = (uint8_t)(0x80 >> i % 8);
        uint8_t bit = (uint8_t)((one[i / 8] & mask) ^ (i == length ? mask : 0));
        other[i / 8] = (uint8_t)((other[i / 8] & ~mask) | bit);
    }
}

/* Exactly: neither fewer nor more bits in common. That two different addresses stay different follows. */
static void keeps_prefixes(int family, int bits, int pairs) {
    uint64_t random = 0x9e3779b97f4a7c15;
    for (int i = 0; i < pairs; i++) {
        uint8_t one[16], other[16], mapped_one[16], mapped_other[16];
        int length = i % (bits + 1);
        draw_pair(&random, bits, length, one, other);
        map(family, one, mapped_one);
        map(family, other, mapped_other);
        if (common_bits(mapped_one, mapped_other, bits) != length)
            fail_msg("pair %d shares %d bits, mapped it shares %d", i, length,
                     common_bits(mapped_one, mapped_other, bits));
    }
}

static void pairs_of_ipv4_keep_exactly_their_prefix(void **state) {
    (void)state;
    keeps_prefixes(AF_INET, 32, PAIRS);
}

static void pairs_of_ipv6_keep_exactly_their_prefix(void **state) {
    (void)state;
    const char *all = getenv("LONG");
    keeps_prefixes(AF_INET6, 128, all != NULL && strcmp(all, "yes") == 0 ? PAIRS : PAIRS_SHORT);
}

/* Every address of a network, mapped onto every address of one network. */
static void a_network_is_permuted(void **state) {
    (void)state;
    static uint8_t seen[1 << 16];
    uint8_t address[4] = {192, 168}, mapped[4], network[2];
    map(AF_INET, address, mapped);
    memcpy(network, mapped, 2);
    for (unsigned i = 0; i < sizeof seen; i++) {
        address[2] = (uint8_t)(i >> 8);
        address[3] = (uint8_t)i;
        map(AF_INET, address, mapped);
        assert_memory_equal(mapped, network, 2);
        unsigned at = (unsigned)mapped[2] << 8 | mapped[3];
        assert_int_equal(seen[at], 0);
        seen[at] = 1;
    }
}

static void another_key_maps_otherwise(void **state) {
    (void)state;
    uint8_t key[CRYPTO_PAN_KEY_SIZE], address[4] = {10, 1, 2, 3}, one[4], other[4];
    map(AF_INET, address, one);
    for (size_t i = 0; i < sizeof key; i += 16) {
        memcpy(key, sample_key, sizeof key);
        key[i] ^= 1;
        struct crypto_pan *changed = crypto_pan_create(key);
        assert_true(crypto_pan_ipv4(changed, address, other));
        assert_memory_not_equal(one, other, 4);
        crypto_pan_destroy(changed);
    }
}

static void nothing_is_allocated(void **state) {
    (void)state;
    uint8_t address[16] = {1}, mapped[16];
    map(AF_INET, address, mapped);
    map(AF_INET6, address, mapped);
    size_t before = allocations;
    for (int i = 0; i < 1000; i++) {
        map(AF_INET, address, mapped);
        map(AF_INET6, address, mapped);
    }
    assert_int_equal(allocations, before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_trace),
        cmocka_unit_test(pairs_of_ipv4_keep_exactly_their_prefix),
        cmocka_unit_test(pairs_of_ipv6_keep_exactly_their_prefix),
        cmocka_unit_test(a_network_is_permuted),
        cmocka_unit_test(another_key_maps_otherwise),
        cmocka_unit_test(nothing_is_allocated),
    };
    count_allocations();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
