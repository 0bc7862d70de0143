/* The key of pseudonyms, its id and its subkeys, by the documented recipe in Python. */
#include "record/anonymize/anonymize_key.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char digits[] = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";

static void a_key_is_64_digits(void **state) {
    (void)state;
    struct anonymize_key key;
    char wrong[65];
    assert_int_equal(anonymize_key_parse(digits, 64, &key), 0);
    for (uint8_t i = 0; i < ANONYMIZE_KEY_SIZE; i++)
        assert_int_equal(key.bytes[i], i);
    assert_int_equal(anonymize_key_parse(digits, 63, &key), -EINVAL);
    assert_int_equal(anonymize_key_parse(digits, 0, &key), -EINVAL);
    for (size_t i = 0; i < 64; i++) {
        memcpy(wrong, digits, sizeof wrong);
        wrong[i] = i % 2 ? 'g' : '/';
        assert_int_equal(anonymize_key_parse(wrong, 64, &key), -EINVAL);
    }
}

/* blake2b(b"flowsensor hash", key=bytes(range(32))).hexdigest() and the first 16 digits of "anon_key_id"'s. */
static void subkeys_are_as_documented(void **state) {
    (void)state;
    static const char expected[] =
        "42604be7cde5ca9099fbe999f35ee50d52fd21a894c2e99440ccf448f03deeb8d58c25dbfba7bc4cdc8027d66020e2abae43cd95a39b7b4d6e4ebb2122762d4b";
    struct anonymize_key key;
    uint8_t subkey[ANONYMIZE_SUBKEY_SIZE];
    char text[2 * ANONYMIZE_SUBKEY_SIZE + 1], id[ANONYMIZE_KEY_ID_SIZE];
    assert_int_equal(anonymize_key_parse(digits, 64, &key), 0);
    assert_true(anonymize_key_derive(&key, "hash", subkey));
    for (size_t i = 0; i < sizeof subkey; i++)
        snprintf(text + 2 * i, 3, "%02x", subkey[i]);
    assert_string_equal(text, expected);
    assert_true(anonymize_key_id(&key, id));
    assert_string_equal(id, "6c7e72710f488e2b");
    key.bytes[31] ^= 1;
    assert_true(anonymize_key_id(&key, id));
    assert_string_not_equal(id, "6c7e72710f488e2b");
}

static void a_random_key_is_another_each_time(void **state) {
    (void)state;
    struct anonymize_key one = {0}, other = {0};
    static const struct anonymize_key none;
    assert_int_equal(anonymize_key_random(&one), 0);
    assert_int_equal(anonymize_key_random(&other), 0);
    assert_memory_not_equal(&one, &other, sizeof one);
    anonymize_key_wipe(&one);
    assert_memory_equal(&one, &none, sizeof one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_64_digits),
        cmocka_unit_test(subkeys_are_as_documented),
        cmocka_unit_test(a_random_key_is_another_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
