/* What the registry's client is told: the URL, the password and the subject's strategy. */
#include "record/registry/registry_fixture.h"

#include <unistd.h>

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

/* Resolves; the n-th request must have this header. */
static void assert_header(const struct server *server, int request, const char *header) {
    if (!strstr(server->requests[request], header))
        fail_msg("\"%s\" is not in: %s", header, server->requests[request]);
}

static void resolve_well(struct registry *registry) {
    struct error error;
    uint32_t id;
    if (registry_resolve(registry, "flows-value", &schema, false, &id, &error) < 0)
        fail_msg("%s", error.text);
}

static void a_token_is_read_again_before_each_request(void **state) {
    (void)state;
    const struct server_answer answers[] = {
        {200, "{\"id\": 1}", NULL}, {200, "{\"id\": 1}", NULL}, {200, "{\"id\": 1}", NULL}};
    struct server *server = server_start(answers, 3);
    struct registry_options options = options_for(server->url);
    struct registry *registry = NULL;
    struct error error;
    char path[128];
    write_file(path, sizeof path, "first.token\n");
    options.bearer_token_file = path;
    assert_int_equal(registry_open(&options, &registry, &error), 0);
    resolve_well(registry);
    assert_header(server, 0, "Authorization: Bearer first.token\r\n");
    write_file(path, sizeof path, "second.token\n");
    resolve_well(registry);
    assert_header(server, 1, "Authorization: Bearer second.token\r\n");
    /* One that can't be read changes nothing. */
    write_file(path, sizeof path, "");
    resolve_well(registry);
    assert_header(server, 2, "Authorization: Bearer second.token\r\n");
    registry_close(registry);
    server_stop(server);
}

/* Options of a token server at this server; `path` gets the secret's file. */
static struct registry_options oauth_options(const struct server *server, char *url, char path[128]) {
    struct registry_options options = options_for(server->url);
    write_file(path, 128, "hunter2\n");
    sprintf(url, "%s/token", server->url);
    options.oauth_token_url = url;
    options.oauth_client_id = "sensor";
    options.oauth_client_secret_file = path;
    options.oauth_scope = "read all";
    return options;
}

static void a_token_of_a_token_server_is_kept_until_it_is_refused(void **state) {
    (void)state;
    const struct server_answer answers[] = {
        {200, "{\"access_token\": \"abc\", \"expires_in\": 3600}", NULL},
        {200, "{\"id\": 1}", NULL},
        {200, "{\"id\": 1}", NULL},
        {401, "{}", NULL},
        {200, "{\"access_token\": \"def\", \"expires_in\": 3600}", NULL},
        {200, "{\"id\": 1}", NULL},
    };
    struct server *server = server_start(answers, 6);
    char url[128], path[128];
    struct registry_options options = oauth_options(server, url, path);
    struct registry *registry = NULL;
    struct error error;
    uint32_t id;
    assert_int_equal(registry_open(&options, &registry, &error), 0);
    resolve_well(registry);
    assert_header(server, 0, "POST /token HTTP");
    assert_header(server, 0, "Authorization: Basic c2Vuc29yOmh1bnRlcjI=\r\n"); /* sensor:hunter2 */
    assert_header(server, 0, "\r\n\r\ngrant_type=client_credentials&scope=read%20all");
    assert_header(server, 1, "Authorization: Bearer abc\r\n");
    resolve_well(registry);
    assert_header(server, 2, "Authorization: Bearer abc\r\n");
    assert_true(registry_resolve(registry, "flows-value", &schema, false, &id, &error) < 0);
    assert_int_equal(error.exit_code, EX_NOPERM);
    resolve_well(registry);
    assert_header(server, 5, "Authorization: Bearer def\r\n");
    registry_close(registry);
    server_stop(server);
}

static void a_token_is_renewed_before_it_expires(void **state) {
    (void)state;
    const struct server_answer answers[] = {
        {200, "{\"access_token\": \"abc\", \"expires_in\": 1}", NULL},
        {200, "{\"id\": 1}", NULL},
        {200, "{\"access_token\": \"def\", \"expires_in\": 1}", NULL},
        {200, "{\"id\": 1}", NULL},
    };
    struct server *server = server_start(answers, 4);
    char url[128], path[128];
    struct registry_options options = oauth_options(server, url, path);
    struct registry *registry = NULL;
    struct error error;
    assert_int_equal(registry_open(&options, &registry, &error), 0);
    resolve_well(registry);
    usleep(800000); /* more than three quarters of its second */
    resolve_well(registry);
    assert_header(server, 3, "Authorization: Bearer def\r\n");
    registry_close(registry);
    server_stop(server);
}

static void a_token_server_that_gives_none_is_named(void **state) {
    (void)state;
    static const struct {
        struct server_answer answer;
        int exit_code;
        const char *text;
    } cases[] = {
        {{401, "{\"error\": \"invalid_client\"}", NULL}, EX_NOPERM, "invalid_client"},
        {{403, "<html>no</html>", NULL}, EX_NOPERM, "no token (403); check registry.oauth_client_id"},
        {{503, "<html>busy</html>", NULL}, EX_UNAVAILABLE, "not how a token server answers (503)"},
        {{200, "{\"access_token\": 5}", NULL}, EX_UNAVAILABLE, "not how a token server answers (200)"},
        {{302, "", "Location: /login\r\n"}, EX_UNAVAILABLE, "not how a token server answers (302)"},
        {{-1, NULL, NULL}, EX_UNAVAILABLE, "registry.oauth_token_url"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server *server = server_start(&cases[i].answer, 1);
        char url[128], path[128];
        struct registry_options options = oauth_options(server, url, path);
        struct outcome outcome = resolve_with(&options, false);
        assert_refused(&outcome, cases[i].exit_code, cases[i].text);
        assert_null(strstr(outcome.error.text, "hunter2"));
        server_stop(server);
    }
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

static void a_secret_goes_nowhere_in_clear(void **state) {
    (void)state;
    static const char *const refused[] = {"http://host/token", "http://127.0.0.1.example/token",
                                          "http://localhost.example", "http://[::2]/", "ftp://127.0.0.1/"};
    static const char *const taken[] = {"https://host/token", "http://127.0.0.2:1/token",
                                        "http://localhost:1", "http://[::1]:1/token"};
    char path[128];
    struct registry_options options = options_for("http://127.0.0.1:1");
    struct registry *registry = NULL;
    struct error error = {0};
    write_file(path, sizeof path, "hunter2\n");
    options.oauth_client_id = "sensor";
    options.oauth_client_secret_file = path;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        options.oauth_token_url = refused[i];
        refuse_options(&options, EX_CONFIG, "registry.oauth_token_url");
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        options.oauth_token_url = taken[i];
        if (registry_open(&options, &registry, &error) < 0)
            fail_msg("%s", error.text);
        registry_close(registry);
    }
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
        cmocka_unit_test(a_token_is_read_again_before_each_request),
        cmocka_unit_test(a_token_of_a_token_server_is_kept_until_it_is_refused),
        cmocka_unit_test(a_token_is_renewed_before_it_expires),
        cmocka_unit_test(a_token_server_that_gives_none_is_named),
        cmocka_unit_test(a_password_file_must_have_a_password),
        cmocka_unit_test(a_url_is_http_and_has_no_user),
        cmocka_unit_test(a_secret_goes_nowhere_in_clear),
        cmocka_unit_test(subjects_follow_the_strategy),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
