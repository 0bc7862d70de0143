/* The registry's client: the look-up of an id, what the registry refuses, and answers that are none. */
#include "record/registry/registry_fixture.h"

#include "base/clock.h"

/* Resolves once against a server with this one answer. */
static struct outcome resolve_once(struct server_answer answer) {
    struct server *server = server_start(&answer, 1);
    struct registry_options options = options_for(server->url);
    struct outcome outcome = resolve_with(&options, false);
    server_stop(server);
    return outcome;
}

static void the_id_of_the_exact_text_is_looked_up(void **state) {
    (void)state;
    const struct server_answer answer = {200, "{\"subject\": \"flows-value\", \"id\": 42, \"version\": 1}",
                                         NULL};
    struct server *server = server_start(&answer, 1);
    struct registry_options options = options_for(server->url);
    struct outcome outcome = resolve_with(&options, false);
    assert_int_equal(outcome.result, 0);
    assert_int_equal(outcome.id, 42);
    assert_int_equal(strncmp(server->requests[0], "POST /subjects/flows-value HTTP/1.1\r\n", 37), 0);
    assert_non_null(strstr(server->requests[0], "Content-Type: application/vnd.schemaregistry.v1+json\r\n"));
    assert_non_null(strstr(server->requests[0], "\r\n\r\n{\"schema\":\"{\\\"type\\\": \\\"record\\\"}\"}"));
    assert_null(strstr(server->requests[0], "Authorization"));
    server_stop(server);
}

static void the_url_may_have_a_path_and_a_last_slash(void **state) {
    (void)state;
    const struct server_answer answer = {200, "{\"id\": 1}", NULL};
    struct server *server = server_start(&answer, 1);
    char url[128];
    snprintf(url, sizeof url, "%s/apis/ccompat/v7/", server->url);
    struct registry_options options = options_for(url);
    assert_int_equal(resolve_with(&options, false).result, 0);
    assert_int_equal(strncmp(server->requests[0], "POST /apis/ccompat/v7/subjects/flows-value HTTP", 47), 0);
    server_stop(server);
}

static void what_is_not_registered_names_the_command(void **state) {
    (void)state;
    static const char *const bodies[] = {"{\"error_code\": 40401, \"message\": \"Subject not found.\"}",
                                         "{\"error_code\": 40403, \"message\": \"Schema not found\"}"};
    for (int i = 0; i < 2; i++) {
        struct outcome outcome = resolve_once((struct server_answer){404, bodies[i], NULL});
        assert_refused(&outcome, EX_CONFIG, "flowsensor schema register");
    }
}

static void another_404_is_no_schema_registry(void **state) {
    (void)state;
    struct outcome outcome = resolve_once((struct server_answer){404, "<html>\nnginx</html>", NULL});
    assert_refused(&outcome, EX_UNAVAILABLE, "check the path in registry.url");
}

static void refused_access_names_the_password(void **state) {
    (void)state;
    for (int status = 401; status <= 403; status += 2) {
        struct outcome outcome = resolve_once((struct server_answer){status, "{}", NULL});
        assert_refused(&outcome, EX_NOPERM, "registry.password_file");
    }
}

static void an_unwanted_schema_tells_the_registrys_reason(void **state) {
    (void)state;
    const char *body = "{\"error_code\": 42201, \"message\": \"Invalid\\nschema\"}";
    struct outcome outcome = resolve_once((struct server_answer){422, body, NULL});
    assert_refused(&outcome, EX_CONFIG, "Invalid?schema");
}

static void nonsense_is_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "hello\nworld",
        "[]",
        "{}",
        "{\"id\": \"7\"}",
        "{\"id\": -1}",
        "{\"id\": 0}",
        "{\"id\": 2147483648}",
        "{\"id\": 1.5}",
        "{\"id\": 7",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct outcome outcome = resolve_once((struct server_answer){200, bodies[i], NULL});
        assert_refused(&outcome, EX_UNAVAILABLE, "not how a schema registry answers");
        assert_int_equal(outcome.id, UINT32_MAX);
    }
}

/* A proxy in between may have any status, too. */
static void a_refusal_without_the_registrys_code_is_none(void **state) {
    (void)state;
    static const int statuses[] = {409, 422, 429};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct outcome outcome =
            resolve_once((struct server_answer){statuses[i], "<html>slow down</html>", NULL});
        assert_refused(&outcome, EX_UNAVAILABLE, "not how a schema registry answers");
    }
}

static void a_redirect_is_not_followed(void **state) {
    (void)state;
    const struct server_answer answers[] = {{302, "", "Location: /elsewhere\r\n"},
                                            {200, "{\"id\": 1}", NULL}};
    struct server *server = server_start(answers, 2);
    struct registry_options options = options_for(server->url);
    struct outcome outcome = resolve_with(&options, false);
    assert_refused(&outcome, EX_UNAVAILABLE, "302");
    assert_int_equal(server->asked, 1);
    server_stop(server);
}

static void a_silent_registry_is_left_after_the_timeout(void **state) {
    (void)state;
    const struct server_answer answer = {0, NULL, NULL};
    struct server *server = server_start(&answer, 1);
    struct registry_options options = options_for(server->url);
    options.timeout = SECOND / 2;
    int64_t start = clock_monotonic();
    struct outcome outcome = resolve_with(&options, false);
    assert_true(clock_monotonic() - start < 3 * SECOND);
    assert_refused(&outcome, EX_UNAVAILABLE, "no answer within 0.5 s");
    server_stop(server);
}

static void a_registry_that_is_absent_or_hangs_up_is_unavailable(void **state) {
    (void)state;
    struct registry_options options = options_for("http://127.0.0.1:1");
    struct outcome outcome = resolve_with(&options, false);
    assert_refused(&outcome, EX_UNAVAILABLE, "check registry.url and that the registry runs");
    outcome = resolve_once((struct server_answer){-1, NULL, NULL});
    assert_refused(&outcome, EX_UNAVAILABLE, "check registry.url");
}

static void a_server_error_is_unavailable(void **state) {
    (void)state;
    const char *body = "{\"error_code\": 50001, \"message\": \"Error in the backend data store\"}";
    struct outcome outcome = resolve_once((struct server_answer){500, body, NULL});
    assert_refused(&outcome, EX_UNAVAILABLE, "500 (Error in the backend data store)");
}

static void too_large_an_answer_is_refused(void **state) {
    (void)state;
    struct outcome outcome = resolve_once((struct server_answer){200, huge_body(), NULL});
    assert_refused(&outcome, EX_UNAVAILABLE, "registry.max_response_size");
}

static void auto_register_registers_what_is_absent(void **state) {
    (void)state;
    const struct server_answer answers[] = {{404, "{\"error_code\": 40401}", NULL},
                                            {200, "{\"id\": 9}", NULL}};
    struct server *server = server_start(answers, 2);
    struct registry_options options = options_for(server->url);
    struct outcome outcome = resolve_with(&options, true);
    assert_int_equal(outcome.result, 0);
    assert_int_equal(outcome.id, 9);
    assert_int_equal(strncmp(server->requests[1], "POST /subjects/flows-value/versions HTTP", 40), 0);
    server_stop(server);
}

static void an_incompatible_change_is_refused_with_the_reason(void **state) {
    (void)state;
    const struct server_answer answers[] = {
        {404, "{\"error_code\": 40403}", NULL},
        {409, "{\"error_code\": 409, \"message\": \"READER_FIELD_MISSING_DEFAULT_VALUE\"}", NULL}};
    struct server *server = server_start(answers, 2);
    struct registry_options options = options_for(server->url);
    struct outcome outcome = resolve_with(&options, true);
    assert_refused(&outcome, EX_CONFIG, "READER_FIELD_MISSING_DEFAULT_VALUE");
    server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_of_the_exact_text_is_looked_up),
        cmocka_unit_test(the_url_may_have_a_path_and_a_last_slash),
        cmocka_unit_test(what_is_not_registered_names_the_command),
        cmocka_unit_test(another_404_is_no_schema_registry),
        cmocka_unit_test(refused_access_names_the_password),
        cmocka_unit_test(an_unwanted_schema_tells_the_registrys_reason),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_refusal_without_the_registrys_code_is_none),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_silent_registry_is_left_after_the_timeout),
        cmocka_unit_test(a_registry_that_is_absent_or_hangs_up_is_unavailable),
        cmocka_unit_test(a_server_error_is_unavailable),
        cmocka_unit_test(too_large_an_answer_is_refused),
        cmocka_unit_test(auto_register_registers_what_is_absent),
        cmocka_unit_test(an_incompatible_change_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
