#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The authors' test vectors: key 00 01 .. 0f, message 00 01 .. of each length. */
static const struct hash_key reference_key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
static const uint8_t message[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void table_hash_is_siphash_1_3(void **state) {
    (void)state;
    assert_true(hash_table(&reference_key, message, 0) == 0xabac0158050fc4dc);
    assert_true(hash_table(&reference_key, message, 1) == 0xc9f49bf37d57ca93);
    assert_true(hash_table(&reference_key, message, 7) == 0xd3927d989bb11140);
    assert_true(hash_table(&reference_key, message, 8) == 0x369095118d299a8e);
    assert_true(hash_table(&reference_key, message, 15) == 0xd320d86d2a519956);
}

static void assert_identity(size_t length, const char *expected) {
    struct hash128 hash = hash_identity(&reference_key, message, length);
    assert_memory_equal(hash.bytes, expected, sizeof hash.bytes);
}

static void identity_hash_is_siphash_2_4_128(void **state) {
    (void)state;
    assert_identity(0, "\xa3\x81\x7f\x04\xba\x25\xa8\xe6\x6d\xf6\x72\x14\xc7\x55\x02\x93");
    assert_identity(1, "\xda\x87\xc1\xd8\x6b\x99\xaf\x44\x34\x76\x59\x11\x9b\x22\xfc\x45");
    assert_identity(3, "\x9c\x70\xb6\x0c\x52\x67\xa9\x4e\x5f\x33\xb6\xb0\x29\x85\xed\x51");
    assert_identity(15, "\x54\x93\xe9\x99\x33\xb0\xa8\x11\x7e\x08\xec\x0f\x97\xcf\xc3\xd9");
}

static void unaligned_messages_are_hashed_alike(void **state) {
    (void)state;
    char shifted[17];
    memcpy(shifted + 1, message, 16);
    assert_true(hash_table(&reference_key, shifted + 1, 16) == hash_table(&reference_key, message, 16));
}

static void random_keys_differ(void **state) {
    (void)state;
    struct hash_key one = {{0, 0}}, two = {{0, 0}};
    assert_int_equal(hash_key_random(&one), 0);
    assert_int_equal(hash_key_random(&two), 0);
    assert_memory_not_equal(&one, &two, sizeof one);
    assert_true(one.word[0] != 0 && one.word[1] != 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_hash_is_siphash_1_3),
        cmocka_unit_test(identity_hash_is_siphash_2_4_128),
        cmocka_unit_test(unaligned_messages_are_hashed_alike),
        cmocka_unit_test(random_keys_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
