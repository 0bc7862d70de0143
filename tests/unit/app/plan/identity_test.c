#include "app/plan/identity.h"

#include <ctype.h>
#include <sys/stat.h>

#include "app/config_text.h"

/* The identity with a key file of this content. */
static int make(const char *content, struct identity *identity, struct error *error) {
    struct config config;
    char *path = text_file(content, strlen(content));
    config_defaults(&config);
    config.identity.sensor_id = strdup("node-7");
    config.identity.key_file = strdup(path);
    *identity = (struct identity){0};
    int result = identity_make(&config, identity, error);
    config_release(&config);
    unlink(path);
    free(path);
    return result;
}

static void the_key_is_read_in_the_order_of_its_digits(void **state) {
    (void)state;
    static const char *const contents[] = {"0123456789abcdefFEDCBA9876543210",
                                           "0123456789abcdefFEDCBA9876543210\n",
                                           "0123456789ABCDEFfedcba9876543210 # a comment"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct identity identity;
        struct error error = {0};
        assert_int_equal(make(contents[i], &identity, &error), 0);
        assert_true(identity.key.word[0] == UINT64_C(0x0123456789abcdef));
        assert_true(identity.key.word[1] == UINT64_C(0xfedcba9876543210));
        assert_string_equal(identity.sensor_id, "node-7");
    }
}

static void a_key_of_another_form_is_refused_and_not_shown(void **state) {
    (void)state;
    static const char *const contents[] = {
        "", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
        "0x0123456789abcdef0123456789abcd", "0123456789abcdef 0123456789abcdef"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct identity identity;
        struct error error = {0};
        assert_true(make(contents[i], &identity, &error) < 0);
        assert_line(&error, EX_CONFIG, "expected 32 hexadecimal digits; make one with: openssl rand -hex 16");
        assert_null(strstr(error.text, "0123"));
    }
}

static void a_missing_key_file_is_no_input(void **state) {
    (void)state;
    struct config config;
    struct identity identity = {0};
    struct error error = {0};
    config_defaults(&config);
    config.identity.key_file = strdup("/tmp/flowsensor-no-key");
    assert_true(identity_make(&config, &identity, &error) < 0);
    assert_line(&error, EX_NOINPUT, "identity.key_file /tmp/flowsensor-no-key: No such file");
    config_release(&config);
}

/* The identity with a key file of conn_key alone, of this content and mode. */
static int make_conn_key(const char *content, mode_t mode, struct identity *identity, struct error *error) {
    struct config config;
    char *path = text_file(content, strlen(content));
    assert_int_equal(chmod(path, mode), 0);
    config_defaults(&config);
    config.identity.conn_key_file = strdup(path);
    *identity = (struct identity){0};
    int result = identity_make(&config, identity, error);
    config_release(&config);
    unlink(path);
    free(path);
    return result;
}

static void the_key_that_sensors_share_has_a_file_of_its_own(void **state) {
    (void)state;
    struct identity identity;
    struct error error = {0};
    assert_int_equal(make_conn_key("0123456789abcdefFEDCBA9876543210\n", 0600, &identity, &error), 0);
    assert_true(identity.conn_key.word[0] == UINT64_C(0x0123456789abcdef));
    assert_true(identity.conn_key.word[1] == UINT64_C(0xfedcba9876543210));
    assert_memory_not_equal(&identity.key, &identity.conn_key, sizeof identity.key);
    assert_true(make_conn_key("0123456789abcdef", 0600, &identity, &error) < 0);
    assert_line(&error, EX_CONFIG, "identity.conn_key_file /tmp/");
    assert_line(&error, EX_CONFIG, "expected 32 hexadecimal digits; make one with: openssl rand -hex 16");
    /* Others than its owner may read it. */
    assert_true(make_conn_key("0123456789abcdefFEDCBA9876543210", 0644, &identity, &error) < 0);
    assert_line(&error, EX_CONFIG, "identity.conn_key_file /tmp/");
    assert_line(&error, EX_CONFIG, "run: chmod 600 /tmp/");
}

static void each_start_has_an_id_and_a_key_of_its_own(void **state) {
    (void)state;
    struct config config;
    struct identity first = {0}, second = {0};
    struct error error = {0};
    char host[256] = "";
    config_defaults(&config);
    assert_int_equal(identity_make(&config, &first, &error), 0);
    assert_int_equal(identity_make(&config, &second, &error), 0);
    gethostname(host, sizeof host - 1);
    assert_string_equal(first.sensor_id, host);
    assert_string_not_equal(first.boot_id, second.boot_id);
    assert_memory_not_equal(&first.key, &second.key, sizeof first.key);
    /* RFC 9562, version 4: xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx. */
    assert_int_equal(strlen(first.boot_id), 36);
    for (int i = 0; i < 36; i++)
        assert_true(i == 8 || i == 13 || i == 18 || i == 23 ? first.boot_id[i] == '-'
                                                            : isxdigit(first.boot_id[i]) != 0);
    assert_int_equal(first.boot_id[14], '4');
    assert_non_null(strchr("89ab", first.boot_id[19]));
    config_release(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_read_in_the_order_of_its_digits),
        cmocka_unit_test(a_key_of_another_form_is_refused_and_not_shown),
        cmocka_unit_test(a_missing_key_file_is_no_input),
        cmocka_unit_test(the_key_that_sensors_share_has_a_file_of_its_own),
        cmocka_unit_test(each_start_has_an_id_and_a_key_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
