#include "record/registry/registry.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "record/registry/registry_server.h"
#include "record/registry/watch.h"
#include "scratch.h"
#include "wait.h"

static const int64_t SECOND = 1000000;

static char folder[] = "/tmp/flowsensor-registry-XXXXXX";
static char schema_name[] = "flow/v1", schema_text[] = "{\"type\": \"record\"}",
            full_name[] = "flowsensor.flow.Flow";
static struct schema schema = {
    .name = schema_name, .text = schema_text, .full_name = full_name, .sha256 = "5c4e3a"};

static struct registry_options options_for(const char *url) {
    return (struct registry_options){.url = url, .timeout = 5 * SECOND, .max_response_size = 4096};
}

/* What one call brings: its result, the id, where it came from and the line. */
struct outcome {
    int result;
    uint32_t id;
    bool from_cache;
    struct error error;
};

static struct outcome resolve_with(const struct registry_options *options, bool auto_register) {
    struct outcome outcome = {.id = UINT32_MAX};
    struct registry *registry = NULL;
    assert_int_equal(registry_open(options, &registry, &outcome.error), 0);
    outcome.result = registry_resolve(registry, "flows-value", &schema, auto_register, &outcome.id,
                                      &outcome.from_cache, &outcome.error);
    registry_close(registry);
    return outcome;
}

/* Resolves once against a server with this one answer. */
static struct outcome resolve_once(struct server_answer answer) {
    struct server *server = server_start(&answer, 1);
    struct registry_options options = options_for(server->url);
    struct outcome outcome = resolve_with(&options, false);
    server_stop(server);
    return outcome;
}

static void assert_refused(const struct outcome *outcome, int exit_code, const char *text) {
    assert_true(outcome->result < 0);
    assert_int_equal(outcome->error.exit_code, exit_code);
    if (!strstr(outcome->error.text, text))
        fail_msg("\"%s\" is not in: %s", text, outcome->error.text);
    assert_non_null(strstr(outcome->error.text, "127.0.0.1"));
    assert_null(strchr(outcome->error.text, '\n'));
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
    assert_false(outcome.from_cache);
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
        "{\"id\": 2147483648}",
        "{\"id\": 1.5}",
        "{\"id\": 7",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct outcome outcome = resolve_once((struct server_answer){200, bodies[i], NULL});
        assert_refused(&outcome, EX_UNAVAILABLE, "that no schema registry gives");
        assert_int_equal(outcome.id, UINT32_MAX);
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

/* {"id": 1, "x": "xxx..."} of more than the limit; static. */
static const char *huge_body(void) {
    static char body[100000] = "{\"id\": 1, \"x\": \"";
    memset(body + 16, 'x', sizeof body - 20);
    memcpy(body + sizeof body - 3, "\"}", 3);
    return body;
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
    assert_refused(&outcome, EX_CONFIG, "no schema has the id 5");
    outcome = fetch((struct server_answer){404, "<html>", NULL}, &text);
    assert_refused(&outcome, EX_UNAVAILABLE, "that no schema registry gives");
    outcome = fetch((struct server_answer){200, "{\"schema\": 5}", NULL}, &text);
    assert_refused(&outcome, EX_UNAVAILABLE, "that no schema registry gives");
    outcome = fetch((struct server_answer){401, "{}", NULL}, &text);
    assert_refused(&outcome, EX_NOPERM, "registry.password_file");
}

/* Gives the answer to a client with a cache, whose file is the folder's. */
static struct outcome resolve_cached(struct server_answer answer, char *url, size_t size) {
    struct server *server = server_start(&answer, 1);
    if (!*url)
        snprintf(url, size, "%s", server->url);
    struct registry_options options = options_for(server->url);
    options.cache_directory = folder;
    struct outcome outcome = resolve_with(&options, false);
    server_stop(server);
    return outcome;
}

/* Asks the registry of `url`, where nobody listens any more. */
static struct outcome resolve_absent(const char *url) {
    struct registry_options options = options_for(url);
    options.cache_directory = folder;
    return resolve_with(&options, false);
}

static void the_cache_stands_in_while_nobody_answers(void **state) {
    (void)state;
    char url[64] = "";
    assert_int_equal(
        resolve_cached((struct server_answer){200, "{\"id\": 11}", NULL}, url, sizeof url).result, 0);
    struct outcome outcome = resolve_absent(url);
    assert_int_equal(outcome.result, 0);
    assert_int_equal(outcome.id, 11);
    assert_true(outcome.from_cache);
    /* It is of this text only. */
    snprintf(schema.sha256, sizeof schema.sha256, "other");
    outcome = resolve_absent(url);
    snprintf(schema.sha256, sizeof schema.sha256, "5c4e3a");
    assert_refused(&outcome, EX_UNAVAILABLE, "check registry.url");
}

/* Both answers come from one server, so that the cache has what the second one contradicts. */
static struct outcome resolve_twice(struct server_answer second) {
    const struct server_answer answers[] = {{200, "{\"id\": 11}", NULL}, second};
    struct server *server = server_start(answers, 2);
    struct registry_options options = options_for(server->url);
    options.cache_directory = folder;
    assert_int_equal(resolve_with(&options, false).id, 11);
    struct outcome outcome = resolve_with(&options, false);
    server_stop(server);
    return outcome;
}

static void the_cache_stands_in_for_a_server_error(void **state) {
    (void)state;
    struct outcome outcome = resolve_twice((struct server_answer){503, "busy", NULL});
    assert_int_equal(outcome.result, 0);
    assert_int_equal(outcome.id, 11);
    assert_true(outcome.from_cache);
}

static void the_cache_is_never_used_against_an_answer(void **state) {
    (void)state;
    struct outcome outcome = resolve_twice((struct server_answer){404, "{\"error_code\": 40403}", NULL});
    assert_refused(&outcome, EX_CONFIG, "does not have schema");
    outcome = resolve_twice((struct server_answer){401, "{}", NULL});
    assert_refused(&outcome, EX_NOPERM, "refuses access");
    outcome = resolve_twice((struct server_answer){200, "nonsense", NULL});
    assert_refused(&outcome, EX_UNAVAILABLE, "no schema registry");
    outcome = resolve_twice((struct server_answer){200, huge_body(), NULL});
    assert_refused(&outcome, EX_UNAVAILABLE, "max_response_size");
    outcome = resolve_twice((struct server_answer){200, "{\"id\": 12}", NULL});
    assert_int_equal(outcome.id, 12);
    assert_false(outcome.from_cache);
}

/* Cuts each file of the cache. */
static void damage_cache(void) {
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.') {
            int file = openat(dirfd(directory), entry->d_name, O_WRONLY);
            assert_true(lseek(file, 0, SEEK_END) > 20);
            assert_int_equal(ftruncate(file, 20), 0);
            close(file);
        }
    closedir(directory);
}

static void a_damaged_cache_is_none(void **state) {
    (void)state;
    char url[64] = "";
    assert_int_equal(
        resolve_cached((struct server_answer){200, "{\"id\": 11}", NULL}, url, sizeof url).result, 0);
    assert_int_equal(resolve_absent(url).id, 11);
    damage_cache();
    struct outcome outcome = resolve_absent(url);
    assert_refused(&outcome, EX_UNAVAILABLE, "check registry.url");
}

static void a_cache_that_cannot_be_written_is_no_failure(void **state) {
    (void)state;
    const struct server_answer answer = {200, "{\"id\": 3}", NULL};
    struct server *server = server_start(&answer, 1);
    struct registry_options options = options_for(server->url);
    options.cache_directory = "/dev/null/none";
    struct outcome outcome = resolve_with(&options, false);
    assert_int_equal(outcome.result, 0);
    assert_int_equal(outcome.id, 3);
    server_stop(server);
}

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

/* Watches until the first answer decides; the state that it leads to. */
static enum registry_watch_state watch(const struct server_answer *answers, int count, struct error *error) {
    struct server *server = server_start(answers, count);
    struct registry_options options = options_for(server->url);
    struct registry_watch *watch = NULL;
    assert_int_equal(registry_watch_start(&options, "flows-value", &schema, 11, 10000, &watch, error), 0);
    enum registry_watch_state state = REGISTRY_WATCH_PENDING;
    wait_until((state = registry_watch_state(watch, error)) != REGISTRY_WATCH_PENDING, 10,
               "an answer that decides");
    registry_watch_stop(watch);
    server_stop(server);
    return state;
}

static void a_cached_id_is_confirmed_once_the_registry_is_back(void **state) {
    (void)state;
    const struct server_answer answers[] = {{503, "", NULL}, {200, "{\"id\": 11}", NULL}};
    struct error error = {0};
    assert_int_equal(watch(answers, 2, &error), REGISTRY_WATCH_CONFIRMED);
}

static void another_id_than_the_cached_one_is_a_mismatch(void **state) {
    (void)state;
    const struct server_answer other = {200, "{\"id\": 12}", NULL},
                               absent = {404, "{\"error_code\": 40403}", NULL};
    struct error error = {0};
    assert_int_equal(watch(&other, 1, &error), REGISTRY_WATCH_MISMATCH);
    assert_non_null(strstr(error.text, "under id 12, not under the cached 11"));
    assert_int_equal(watch(&absent, 1, &error), REGISTRY_WATCH_MISMATCH);
    assert_int_equal(error.exit_code, EX_CONFIG);
}

static void a_watch_is_stopped_while_it_waits(void **state) {
    (void)state;
    struct registry_options options = options_for("http://127.0.0.1:1");
    struct registry_watch *watch = NULL;
    struct error error;
    int64_t start = clock_monotonic();
    assert_int_equal(registry_watch_start(&options, "flows-value", &schema, 11, 60 * SECOND, &watch, &error),
                     0);
    assert_int_equal(registry_watch_state(watch, &error), REGISTRY_WATCH_PENDING);
    registry_watch_stop(watch);
    assert_true(clock_monotonic() - start < 3 * SECOND);
}

static int set_up(void **state) {
    (void)state;
    setenv("no_proxy", "*", 1); /* the way to loopback is direct, whatever the environment says */
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return scratch_remove(folder);
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
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_silent_registry_is_left_after_the_timeout),
        cmocka_unit_test(a_registry_that_is_absent_or_hangs_up_is_unavailable),
        cmocka_unit_test(a_server_error_is_unavailable),
        cmocka_unit_test(too_large_an_answer_is_refused),
        cmocka_unit_test(auto_register_registers_what_is_absent),
        cmocka_unit_test(an_incompatible_change_is_refused_with_the_reason),
        cmocka_unit_test(compatibility_is_that_with_all_versions),
        cmocka_unit_test(at_a_level_of_the_latest_version_the_others_have_no_say),
        cmocka_unit_test(a_registry_that_knows_the_latest_version_alone_is_asked_for_that),
        cmocka_unit_test(a_schema_is_fetched_by_its_id),
        cmocka_unit_test(the_cache_stands_in_while_nobody_answers),
        cmocka_unit_test(the_cache_stands_in_for_a_server_error),
        cmocka_unit_test(the_cache_is_never_used_against_an_answer),
        cmocka_unit_test(a_damaged_cache_is_none),
        cmocka_unit_test(a_cache_that_cannot_be_written_is_no_failure),
        cmocka_unit_test(the_password_is_the_files_first_line),
        cmocka_unit_test(a_password_file_must_have_a_password),
        cmocka_unit_test(a_url_is_http_and_has_no_user),
        cmocka_unit_test(subjects_follow_the_strategy),
        cmocka_unit_test(a_cached_id_is_confirmed_once_the_registry_is_back),
        cmocka_unit_test(another_id_than_the_cached_one_is_a_mismatch),
        cmocka_unit_test(a_watch_is_stopped_while_it_waits),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
