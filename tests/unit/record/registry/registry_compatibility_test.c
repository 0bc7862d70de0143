/* What the registry says of a schema that is to be registered, and schemas fetched by their id. */
#include "record/registry/registry_fixture.h"

/* Checks against a server with these answers, which must all be asked for, the n-th by a request that begins with
 * requests[n]. */
static void check_compatibility(const struct server_answer *answers, const char *const *requests, int count,
                                enum registry_compatibility expected, const char *why) {
    struct server *server = server_start(answers, count);
    struct registry_options options = options_for(server->url);
    struct registry *registry = NULL;
    struct error error = {0};
    enum registry_compatibility compatibility;
    char reason[64];
    struct registry_statistics before, after;
    registry_statistics(&before);
    assert_int_equal(registry_open(&options, &registry, &error), 0);
    assert_int_equal(
        registry_check(registry, "flows-value", &schema, &compatibility, reason, sizeof reason, &error), 0);
    assert_int_equal(compatibility, expected);
    assert_string_equal(reason, why);
    assert_int_equal(server->asked, count);
    for (int i = 0; i < count; i++)
        assert_int_equal(strncmp(server->requests[i], requests[i], strlen(requests[i])), 0);
    /* What is got counts as what is posted does. */
    registry_statistics(&after);
    assert_int_equal(after.requests - before.requests, count);
    registry_close(registry);
    server_stop(server);
}

static const char all[] = "POST /compatibility/subjects/flows-value/versions?verbose=true HTTP/1.1\r\n";
static const char latest[] =
    "POST /compatibility/subjects/flows-value/versions/latest?verbose=true HTTP/1.1\r\n";
static const char level[] = "GET /config/flows-value?defaultToGlobal=true HTTP/1.1\r\n";
static const char no_reason[] = "the registry gives no reason";

static void compatibility_is_that_with_all_versions(void **state) {
    (void)state;
    const char *const requests[] = {all, level};
    struct server_answer answers[] = {{200, "{\"is_compatible\": true}", NULL},
                                      {200, "{\"compatibilityLevel\": \"FULL_TRANSITIVE\"}", NULL}};
    check_compatibility(answers, requests, 1, REGISTRY_COMPATIBLE, no_reason);
    answers[0].body = "{\"is_compatible\": false, \"messages\": [\"a\", 1, \"b\"]}";
    check_compatibility(answers, requests, 2, REGISTRY_INCOMPATIBLE, "a; b");
    answers[0].body = "{\"is_compatible\": false}";
    check_compatibility(answers, requests, 2, REGISTRY_INCOMPATIBLE, no_reason);
    /* Who doesn't tell the level has the last word. */
    answers[1] = (struct server_answer){403, "{}", NULL};
    check_compatibility(answers, requests, 2, REGISTRY_INCOMPATIBLE, no_reason);
    answers[0] = (struct server_answer){404, "{\"error_code\": 40401}", NULL};
    check_compatibility(answers, requests, 1, REGISTRY_NO_SUBJECT, no_reason);
}

static void at_a_level_of_the_latest_version_the_others_have_no_say(void **state) {
    (void)state;
    const char *const requests[] = {all, level, latest};
    struct server_answer answers[] = {{200, "{\"is_compatible\": false}", NULL},
                                      {200, "{\"compatibilityLevel\": \"BACKWARD\"}", NULL},
                                      {200, "{\"is_compatible\": true}", NULL}};
    check_compatibility(answers, requests, 3, REGISTRY_COMPATIBLE, no_reason);
    answers[2].body = "{\"is_compatible\": false, \"messages\": [\"c\"]}";
    check_compatibility(answers, requests, 3, REGISTRY_INCOMPATIBLE, "c");
}

static void a_registry_that_knows_the_latest_version_alone_is_asked_for_that(void **state) {
    (void)state;
    const char *const requests[] = {all, latest};
    struct server_answer answers[] = {{404, "{\"error_code\": 404}", NULL},
                                      {200, "{\"is_compatible\": true}", NULL}};
    check_compatibility(answers, requests, 2, REGISTRY_COMPATIBLE_WITH_LATEST, no_reason);
    answers[0] = (struct server_answer){405, "no", NULL};
    check_compatibility(answers, requests, 2, REGISTRY_COMPATIBLE_WITH_LATEST, no_reason);
    answers[1].body = "{\"is_compatible\": false}";
    check_compatibility(answers, requests, 2, REGISTRY_INCOMPATIBLE, no_reason);
}

/* Asks for the schema of id 5. */
static struct outcome fetch(struct server_answer answer, char **text) {
    struct outcome outcome = {0};
    struct registry *registry = NULL;
    struct server *server = server_start(&answer, 1);
    struct registry_options options = options_for(server->url);
    assert_int_equal(registry_open(&options, &registry, &outcome.error), 0);
    outcome.result = registry_schema_text(registry, 5, text, &outcome.error);
    assert_int_equal(strncmp(server->requests[0], "GET /schemas/ids/5 HTTP/1.1\r\n", 29), 0);
    registry_close(registry);
    server_stop(server);
    return outcome;
}

static void a_schema_is_fetched_by_its_id(void **state) {
    (void)state;
    char *text = NULL;
    assert_int_equal(fetch((struct server_answer){200, "{\"schema\": \"{}\"}", NULL}, &text).result, 0);
    assert_string_equal(text, "{}");
    free(text);
    struct outcome outcome = fetch((struct server_answer){404, "{\"error_code\": 40403}", NULL}, &text);
    assert_refused(&outcome, EX_CONFIG, "it has no schema with the id 5");
    outcome = fetch((struct server_answer){404, "<html>", NULL}, &text);
    assert_refused(&outcome, EX_UNAVAILABLE, "not how a schema registry answers");
    outcome = fetch((struct server_answer){200, "{\"schema\": 5}", NULL}, &text);
    assert_refused(&outcome, EX_UNAVAILABLE, "not how a schema registry answers");
    outcome = fetch((struct server_answer){401, "{}", NULL}, &text);
    assert_refused(&outcome, EX_NOPERM, "registry.password_file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compatibility_is_that_with_all_versions),
        cmocka_unit_test(at_a_level_of_the_latest_version_the_others_have_no_say),
        cmocka_unit_test(a_registry_that_knows_the_latest_version_alone_is_asked_for_that),
        cmocka_unit_test(a_schema_is_fetched_by_its_id),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
