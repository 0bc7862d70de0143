/* What the registry's client is told: the URL, the password and the subject's strategy. */
#include "record/registry/registry_fixture.h"

static void write_file(char *path, size_t size, const char *content) {
    snprintf(path, size, "%s/password", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void the_password_is_the_files_first_line(void **state) {
    (void)state;
    const struct server_answer answer = {200, "{\"id\": 1}", NULL};
    struct server *server = server_start(&answer, 1);
    struct registry_options options = options_for(server->url);
    char path[128];
    write_file(path, sizeof path, "open sesame\r\nsecond\n");
    options.username = "aladdin";
    options.password_file = path;
    assert_int_equal(resolve_with(&options, false).result, 0);
    /* base64("aladdin:open sesame") */
    assert_non_null(strstr(server->requests[0], "Authorization: Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
    server_stop(server);
}

static void refuse_options(const struct registry_options *options, int exit_code, const char *text) {
    struct registry *registry = NULL;
    struct error error = {0};
    assert_true(registry_open(options, &registry, &error) < 0);
    assert_null(registry);
    assert_int_equal(error.exit_code, exit_code);
    if (!strstr(error.text, text))
        fail_msg("\"%s\" is not in: %s", text, error.text);
}

static void a_password_file_must_have_a_password(void **state) {
    (void)state;
    char path[128];
    struct registry_options options = options_for("http://127.0.0.1:1");
    options.password_file = "/dev/null";
    refuse_options(&options, EX_NOINPUT, "/dev/null: is empty");
    options.password_file = "/dev/null/none";
    refuse_options(&options, EX_NOINPUT, "/dev/null/none: Not a directory");
    write_file(path, sizeof path, "");
    options.password_file = path;
    refuse_options(&options, EX_NOINPUT, "is empty");
}

static void a_url_is_http_and_has_no_user(void **state) {
    (void)state;
    static const char *const others[] = {"ftp://host", "host:8081", "", "://", "file:///etc/passwd"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct registry_options options = options_for(others[i]);
        refuse_options(&options, EX_CONFIG, "http://");
    }
    struct registry_options options = options_for("http://me:s3cret@host/path");
    struct registry *registry;
    struct error error;
    assert_true(registry_open(&options, &registry, &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.text, "registry.password_file"));
    assert_null(strstr(error.text, "s3cret"));
    options.url = "http://host/p@th";
    assert_int_equal(registry_open(&options, &registry, &error), 0);
    registry_close(registry);
}

static void assert_subject(const char *strategy, const char *expected) {
    char *subject = registry_subject(strategy, "flows", &schema);
    assert_string_equal(subject, expected);
    free(subject);
}

static void subjects_follow_the_strategy(void **state) {
    (void)state;
    assert_subject("topic", "flows-value");
    assert_subject("record", "flowsensor.flow.Flow");
    assert_subject("topic_record", "flows-flowsensor.flow.Flow");
    assert_null(registry_subject("none", "flows", &schema));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_is_the_files_first_line),
        cmocka_unit_test(a_password_file_must_have_a_password),
        cmocka_unit_test(a_url_is_http_and_has_no_user),
        cmocka_unit_test(subjects_follow_the_strategy),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
