/* What is read of a JSON Web Token, and what is none. */
#include "record/login/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void claims_are_read(void **state) {
    (void)state;
    struct jwt jwt;
    /* {"alg":"RS256"} . {"sub":"sensor-é","exp":1893456000} . signature */
    assert_true(jwt_read("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZW5zb3Itw6kiLCJleHAiOjE4OTM0NTYwMDB9.c2ln", &jwt));
    assert_int_equal(jwt.expires, 1893456000);
    assert_string_equal(jwt.subject, "sensor-é");
    /* {"exp":1893456000.5}: a number may have a fraction */
    assert_true(jwt_read("e30.eyJleHAiOjE4OTM0NTYwMDAuNX0.", &jwt));
    assert_int_equal(jwt.expires, 1893456000);
    assert_string_equal(jwt.subject, "");
}

static void claims_that_are_missing_or_odd_are_not_said(void **state) {
    (void)state;
    /* {}, {"exp":"soon","sub":7}, {"exp":-1}, {"exp":1e300} */
    static const char *const tokens[] = {"e30.e30.x", "e30.eyJleHAiOiJzb29uIiwic3ViIjo3fQ.x",
                                         "e30.eyJleHAiOi0xfQ.x", "e30.eyJleHAiOjFlMzAwfQ.x"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct jwt jwt;
        assert_true(jwt_read(tokens[i], &jwt));
        assert_int_equal(jwt.expires, 0);
        assert_string_equal(jwt.subject, "");
    }
}

static void what_is_no_token_is_told(void **state) {
    (void)state;
    /* "W10" is [], "e30" is {}; the fifth has a letter that base64url lacks, the last two no JSON. */
    static const char *const texts[] = {"",          ".",  "e30.e30",    "e30.e30.x.y", "e30.e3+.x",
                                        "e30.W10.x", "..", "e30.AAAA.x", "e30.e.x"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct jwt jwt;
        if (jwt_read(texts[i], &jwt))
            fail_msg("taken: %s", texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_read),
        cmocka_unit_test(claims_that_are_missing_or_odd_are_not_said),
        cmocka_unit_test(what_is_no_token_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
