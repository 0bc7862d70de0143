/* The key file of pseudonyms: its form, and who may read it. */
#include "app/plan/anonymization_key.h"

#include <errno.h>
#include <sys/stat.h>

#include "app/config_text.h"
#include "skip.h"

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Loads the key from a file with this content, mode and group (-1: the process's). */
static int load_of(const char *content, mode_t mode, gid_t group, struct anonymize_key *key,
                   struct error *error) {
    struct config config;
    char *path = text_file(content, strlen(content));
    assert_int_equal(chmod(path, mode), 0);
    assert_int_equal(chown(path, (uid_t)-1, group), 0);
    config_defaults(&config);
    config.anonymization.key_file = strdup(path);
    int result = anonymization_load_key(&config, 0, key, error);
    config_release(&config);
    unlink(path);
    free(path);
    return result;
}

static int load(const char *content, mode_t mode, struct anonymize_key *key, struct error *error) {
    return load_of(content, mode, (gid_t)-1, key, error);
}

static void a_key_of_64_digits_is_read(void **state) {
    (void)state;
    static const char *const contents[] = {DIGITS, DIGITS "\n", DIGITS " \r\n\n"};
    static const mode_t modes[] = {0600, 0400};
    for (size_t i = 0; i < 6; i++) {
        struct anonymize_key key;
        struct error error = {0};
        if (load(contents[i % 3], modes[i / 3], &key, &error) < 0)
            fail_msg("%s", error.text);
        for (uint8_t byte = 0; byte < ANONYMIZE_KEY_SIZE; byte++)
            assert_int_equal(key.bytes[byte], byte);
    }
}

static void a_key_of_another_form_is_refused_and_not_shown(void **state) {
    (void)state;
    static const char *const contents[] = {
        "", "\n", DIGITS "00", DIGITS " # a comment", " " DIGITS, "0001020304050607"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct anonymize_key key;
        struct error error = {0};
        assert_true(load(contents[i], 0600, &key, &error) < 0);
        assert_line(&error, EX_CONFIG,
                    "expected 64 hexadecimal digits; make one with: (umask 077; openssl rand -hex 32 > ");
        assert_null(strstr(error.text, "0001"));
    }
}

static void a_key_that_others_can_use_is_refused(void **state) {
    (void)state;
    static const mode_t modes[] = {0604, 0620, 0602, 0610, 0601, 0644, 0666, 0660, 0650};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct anonymize_key key;
        struct error error = {0};
        char mode[32];
        snprintf(mode, sizeof mode, "(mode %04o)", (unsigned)modes[i]);
        assert_int_equal(load(DIGITS, modes[i], &key, &error), -EACCES);
        assert_line(&error, EX_CONFIG, mode);
        assert_line(&error, EX_CONFIG, "run: chmod 600 /tmp/");
    }
}

/* As a Kubernetes secret with fsGroup is: root's, and a group of the process may read it. */
static void a_group_of_the_process_may_read(void **state) {
    (void)state;
    static const mode_t modes[] = {0440, 0640, 0040};
    struct anonymize_key key;
    struct error error = {0};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (geteuid() == 0 && load(DIGITS, modes[i], &key, &error) < 0)
            fail_msg("%s", error.text);
    if (geteuid() != 0)
        skip_because("a file of another group is made by root alone");
    assert_int_equal(load_of(DIGITS, 0440, 65431, &key, &error), -EACCES);
    assert_line(&error, EX_CONFIG, "(mode 0440)");
}

static void a_missing_file_is_no_input(void **state) {
    (void)state;
    struct config config;
    struct anonymize_key key;
    struct error error = {0};
    config_defaults(&config);
    config.anonymization.key_file = strdup("/tmp/flowsensor-no-key");
    assert_int_equal(anonymization_load_key(&config, 0, &key, &error), -ENOENT);
    assert_line(&error, EX_NOINPUT, "anonymization.key_file /tmp/flowsensor-no-key: No such file");
    free(config.anonymization.key_file);
    config.anonymization.key_file = strdup("/tmp");
    assert_int_equal(anonymization_load_key(&config, 0, &key, &error), -EACCES); /* mode 1777 */
    config_release(&config);
}

static void without_a_file_each_key_is_another(void **state) {
    (void)state;
    struct config config;
    struct anonymize_key one, other;
    config_defaults(&config);
    assert_int_equal(anonymization_load_key(&config, 0, &one, NULL), 0);
    assert_int_equal(anonymization_load_key(&config, 0, &other, NULL), 0);
    assert_memory_not_equal(&one, &other, sizeof one);
    config_release(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_of_64_digits_is_read),
        cmocka_unit_test(a_key_of_another_form_is_refused_and_not_shown),
        cmocka_unit_test(a_key_that_others_can_use_is_refused),
        cmocka_unit_test(a_group_of_the_process_may_read),
        cmocka_unit_test(a_missing_file_is_no_input),
        cmocka_unit_test(without_a_file_each_key_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
