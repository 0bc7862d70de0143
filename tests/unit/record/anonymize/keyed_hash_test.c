/* Keyed BLAKE2b against the values of RFC 7693's reference implementation, as Python's hashlib gives them. */
#include "record/anonymize/keyed_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "allocations.h"

static uint8_t key[KEYED_HASH_MAX];

/* blake2b(text, key=bytes(range(key_size)), digest_size=digest_size).hexdigest() */
static void assert_digest(const char *text, size_t length, size_t key_size, size_t digest_size,
                          const char *expected) {
    char digits[2 * KEYED_HASH_MAX + 1] = "";
    struct keyed_hash *hash = keyed_hash_create(key, key_size, digest_size);
    assert_non_null(hash);
    /* Twice: one text leaves nothing behind for the next. */
    assert_true(keyed_hash_hex(hash, "something else", 14, digits));
    assert_true(keyed_hash_hex(hash, text, length, digits));
    digits[2 * digest_size] = '\0';
    assert_string_equal(digits, expected);
    keyed_hash_destroy(hash);
}

static void known_answers(void **state) {
    (void)state;
    /* The first and the fourth of the official known answers (blake2b-kat.txt): no byte, and 00 01 02. */
    assert_digest(
        "", 0, 64, 64,
        "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568");
    assert_digest(
        "\0\1\2", 3, 64, 64,
        "33d0825dddf7ada99b0e7e307104ad07ca9cfd9692214f1561356315e784f3e5a17e364ae9dbb14cb2036df932b77f4b292761365fb328de7afdc6d8998f5fc1");
    assert_digest(
        "abc", 3, 64, 64,
        "06bbc3dedf13a31139498655251b7588ccd3bb5aaa071b2d44d8e0a04095579ed590fbfdcf941f4370ce5ce623624e7a76d33e7a8109dcda9b57d72f8f8efa51");
}

/* The size is part of the hash: a short digest is not the start of a long one. */
static void a_short_digest_is_another(void **state) {
    (void)state;
    assert_digest("abc", 3, 32, 8, "30531c41ec34cdef");
}

static void nothing_is_allocated(void **state) {
    (void)state;
    uint8_t digest[64];
    char text[300] = "";
    struct keyed_hash *hash = keyed_hash_create(key, 64, 64);
    assert_true(keyed_hash_make(hash, text, sizeof text, digest));
    size_t before = allocations;
    for (size_t i = 0; i < sizeof text; i++)
        assert_true(keyed_hash_make(hash, text, i, digest));
    assert_int_equal(allocations, before);
    keyed_hash_destroy(hash);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(a_short_digest_is_another),
        cmocka_unit_test(nothing_is_allocated),
    };
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    count_allocations();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
