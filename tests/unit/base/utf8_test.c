/* Texts become valid UTF-8 and bounded; the cases are those of the Unicode standard, chapter 3.9. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FFFD "\xEF\xBF\xBD"

static void invalid_parts_are_replaced(void **state) {
    static const struct {
        const char *bytes;
        size_t length;
        const char *expected;
    } cases[] = {
#define CASE(bytes, expected) {bytes, sizeof(bytes) - 1, expected}
        CASE("", ""),
        CASE("plain text that is longer than a word", "plain text that is longer than a word"),
        CASE("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"),
        CASE("a\0b", "a" FFFD "b"),
        CASE("1234567\0", "1234567" FFFD),
        CASE("\xFF", FFFD),
        CASE("ab\x80"
             "cd",
             "ab" FFFD "cd"),
        /* Table 3-8: overlong forms. */
        CASE("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"),
        /* Table 3-9: surrogates. */
        CASE("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"),
        /* Table 3-10: beyond U+10FFFF. */
        CASE("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B"),
        /* Table 3-11: cut sequences are one part each. */
        CASE("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", FFFD FFFD FFFD FFFD "A"),
        CASE("end \xE2\x82", "end " FFFD),
        CASE("\x01\x1F\x7F", "\x01\x1F\x7F"),
#undef CASE
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char room[256];
        struct text text = text_sanitize(cases[i].bytes, cases[i].length, room);
        assert_int_equal(text.length, strlen(cases[i].expected));
        assert_memory_equal(text.bytes, cases[i].expected, text.length);
        assert_true(text.length <= text_sanitized_bound(cases[i].length));
        assert_true(text_is_clean(text.bytes, text.length));
        assert_int_equal(text_is_clean(cases[i].bytes, cases[i].length), text.bytes == cases[i].bytes);
    }
}

/* Every offset within the eight bytes that are looked at together. */
static void position_does_not_matter(void **state) {
    (void)state;
    for (size_t at = 0; at < 40; at++) {
        char bytes[40], room[128];
        memset(bytes, 'x', sizeof bytes);
        assert_true(text_is_clean(bytes, sizeof bytes));
        for (int bad = 0; bad < 2; bad++) {
            bytes[at] = bad ? '\x9C' : '\0';
            assert_false(text_is_clean(bytes, sizeof bytes));
            struct text text = text_sanitize(bytes, sizeof bytes, room);
            assert_int_equal(text.length, sizeof bytes + 2);
            assert_memory_equal(text.bytes + at, FFFD, 3);
        }
    }
}

static void long_texts_are_cut_between_characters(void **state) {
    (void)state;
    enum { LENGTH = TEXT_MAX + 1000 };
    char *bytes = malloc(LENGTH), *room = malloc(text_sanitized_bound(LENGTH));
    assert_non_null(bytes);
    assert_non_null(room);

    memset(bytes, 'x', LENGTH);
    assert_int_equal(text_sanitize(bytes, LENGTH, room).length, TEXT_MAX);
    assert_int_equal(text_sanitize(bytes, TEXT_MAX, room).length, TEXT_MAX);

    /* The character at the limit does not fit as a whole: clean text, and text that is rewritten. */
    memcpy(bytes + TEXT_MAX - 1, "\xE2\x82\xAC", 3);
    assert_int_equal(text_sanitize(bytes, LENGTH, room).length, TEXT_MAX - 1);
    bytes[LENGTH - 1] = '\xFF';
    struct text text = text_sanitize(bytes, LENGTH, room);
    assert_int_equal(text.length, TEXT_MAX - 1);
    bytes[0] = '\xFF';
    text = text_sanitize(bytes, LENGTH, room);
    assert_int_equal(text.length, TEXT_MAX);
    assert_true(text_is_clean(text.bytes, text.length));

    memset(bytes, '\xFF', LENGTH);
    text = text_sanitize(bytes, LENGTH, room);
    assert_int_equal(text.length, TEXT_MAX / 3 * 3);
    assert_true(text_is_clean(text.bytes, text.length));
    free(room);
    free(bytes);
}

/* Whatever the bytes: the result is clean, and clean input comes back as it is. */
static void random_bytes_become_clean(void **state) {
    (void)state;
    static const unsigned char alphabet[] = {'a',  0,    0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1,
                                             0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF3, 0xF4, 0xF5};
    uint32_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        char bytes[24], room[3 * sizeof bytes];
        size_t length = (size_t)i % sizeof bytes;
        for (size_t j = 0; j < length; j++) {
            seed = seed * 1664525 + 1013904223;
            bytes[j] = (char)alphabet[(seed >> 16) % sizeof alphabet];
        }
        struct text text = text_sanitize(bytes, length, room);
        assert_true(text_is_clean(text.bytes, text.length));
        assert_true(text.length <= text_sanitized_bound(length));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_parts_are_replaced),
        cmocka_unit_test(position_does_not_matter),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(random_bytes_become_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
