/* The watch of a schema's id: the first answer, the cache that stands in for it, and what a run hears later. */
#include "record/registry/registry_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/registry/watch.h"
#include "wait.h"

/* Asks several times a second, so that a test needs not wait. */
static struct registry_watch *start(const char *url, uint32_t pinned, bool auto_register) {
    struct registry_question question = {.options = options_for(url),
                                         .subject = "flows-value",
                                         .schema = &schema,
                                         .pinned = pinned,
                                         .auto_register = auto_register,
                                         .interval = 20000};
    struct registry_watch *watch = NULL;
    struct error error;
    question.options.cache_directory = folder;
    assert_int_equal(registry_watch_start(&question, &watch, &error), 0);
    return watch;
}

static struct outcome first(struct registry_watch *watch, int64_t patience) {
    struct outcome outcome = {.id = UINT32_MAX};
    outcome.result = registry_watch_first(watch, clock_monotonic() + patience, &outcome.id,
                                          &outcome.from_cache, &outcome.error);
    return outcome;
}

/* What a start hears of a server with these answers; `url` gets its address, where then nobody listens any more. */
static struct outcome ask(const struct server_answer *answers, int count, char url[64]) {
    struct server *server = server_start(answers, count);
    if (url)
        snprintf(url, 64, "%s", server->url);
    struct registry_watch *watch = start(server->url, 0, false);
    struct outcome outcome = first(watch, 20 * SECOND);
    registry_watch_stop(watch);
    server_stop(server);
    return outcome;
}

static struct outcome ask_absent(const char *url) {
    struct registry_watch *watch = start(url, 0, false);
    struct outcome outcome = first(watch, 20 * SECOND);
    registry_watch_stop(watch);
    return outcome;
}

static const struct server_answer eleven = {200, "{\"id\": 11}", NULL};
static const struct server_answer twelve = {200, "{\"id\": 12}", NULL};
static const struct server_answer absent = {404, "{\"error_code\": 40403}", NULL};
static const struct server_answer busy = {503, "busy", NULL};

static void assert_eleven(const struct outcome *outcome, bool from_cache) {
    if (outcome->result != 0)
        fail_msg("%s", outcome->error.text);
    assert_int_equal(outcome->id, 11);
    assert_int_equal(outcome->from_cache, from_cache);
}

static void the_cache_stands_in_while_nobody_answers(void **state) {
    (void)state;
    char url[64];
    struct outcome outcome = ask(&eleven, 1, url);
    assert_eleven(&outcome, false);
    outcome = ask_absent(url);
    assert_eleven(&outcome, true);
    assert_non_null(strstr(outcome.error.text, "check registry.url"));
    /* It is of this text only. */
    snprintf(schema.sha256, sizeof schema.sha256, "other");
    outcome = ask_absent(url);
    snprintf(schema.sha256, sizeof schema.sha256, "5c4e3a");
    assert_int_equal(outcome.result, -EHOSTUNREACH);
    assert_refused(&outcome, EX_UNAVAILABLE, "check registry.url");
}

/* Both answers come from one server, so that the cache has what the second one contradicts. */
static struct outcome ask_twice(struct server_answer second) {
    const struct server_answer answers[] = {eleven, second};
    struct server *server = server_start(answers, 2);
    struct registry_watch *watch = start(server->url, 0, false);
    struct outcome outcome = first(watch, 20 * SECOND);
    registry_watch_stop(watch);
    assert_eleven(&outcome, false);
    watch = start(server->url, 0, false);
    outcome = first(watch, 20 * SECOND);
    registry_watch_stop(watch);
    server_stop(server);
    return outcome;
}

static void the_cache_stands_in_for_what_is_no_answer_of_a_registry(void **state) {
    (void)state;
    const struct server_answer others[] = {
        busy,
        {500, "{\"error_code\": 50001}", NULL},
        {429, "{\"message\": \"slow down\"}", NULL},
        {302, "", "Location: /login\r\n"},
        {200, "<html>please log in</html>", "Content-Type: text/html\r\n"},
        {200, "{\"id\": 1", NULL},
        {200, "{\"id\": \"11\"}", NULL},
        {200, huge_body(), NULL},
        {404, "<html>no such page</html>", NULL},
        {404, "{\"error\": \"not_found\"}", NULL},
        {422, "<html>what?</html>", NULL},
        {-1, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct outcome outcome = ask_twice(others[i]);
        assert_eleven(&outcome, true);
        assert_int_equal(outcome.error.exit_code, EX_UNAVAILABLE);
    }
}

static void the_cache_is_never_used_against_an_answer(void **state) {
    (void)state;
    struct outcome outcome = ask_twice(absent);
    assert_refused(&outcome, EX_CONFIG, "does not have schema");
    outcome = ask_twice((struct server_answer){401, "{}", NULL});
    assert_refused(&outcome, EX_NOPERM, "refuses access");
    outcome = ask_twice(twelve);
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
    char url[64];
    assert_int_equal(ask(&eleven, 1, url).id, 11);
    assert_int_equal(ask_absent(url).id, 11);
    damage_cache();
    struct outcome outcome = ask_absent(url);
    assert_int_equal(outcome.result, -EHOSTUNREACH);
}

static void a_cache_that_cannot_be_written_is_no_failure(void **state) {
    (void)state;
    struct server *server = server_start(&eleven, 1);
    struct registry_options options = options_for(server->url);
    options.cache_directory = "/dev/null/none";
    struct outcome outcome = resolve_with(&options, false);
    assert_int_equal(outcome.result, 0);
    assert_int_equal(outcome.id, 11);
    server_stop(server);
}

/* Waits for the state; the id that it has. */
static uint32_t hear(struct registry_watch *watch, enum registry_watch_state wanted, struct error *error) {
    uint32_t id = 0;
    wait_until(registry_watch_state(watch, &id, error) == wanted, 10, "what the registry says");
    return id;
}

static void a_start_waits_no_longer_than_it_is_told(void **state) {
    (void)state;
    const struct server_answer silence = {0, NULL, NULL};
    struct server *server = server_start(&silence, 1);
    int64_t began = clock_monotonic();
    struct registry_watch *watch = start(server->url, 0, false);
    struct outcome outcome = first(watch, SECOND / 10);
    assert_int_equal(outcome.result, -EHOSTUNREACH);
    assert_refused(&outcome, EX_UNAVAILABLE, "no answer within 0.1 s");
    registry_watch_stop(watch);
    assert_true(clock_monotonic() - began < 3 * SECOND);
    server_stop(server);
}

static void an_id_that_was_not_known_is_told_later(void **state) {
    (void)state;
    const struct server_answer answers[] = {busy, {200, "<html>", NULL}, eleven};
    struct server *server = server_start(answers, 3);
    struct error error;
    struct registry_watch *watch = start(server->url, 0, false);
    assert_int_equal(first(watch, 20 * SECOND).result, -EHOSTUNREACH);
    assert_int_equal(hear(watch, REGISTRY_WATCH_CONFIRMED, &error), 11);
    registry_watch_stop(watch);
    server_stop(server);
}

static void an_absent_schema_is_registered_later_too(void **state) {
    (void)state;
    const struct server_answer answers[] = {busy, absent, eleven};
    struct server *server = server_start(answers, 3);
    struct error error;
    struct registry_watch *watch = start(server->url, 0, true);
    assert_int_equal(hear(watch, REGISTRY_WATCH_CONFIRMED, &error), 11);
    assert_non_null(strstr(server->requests[2], "/subjects/flows-value/versions"));
    registry_watch_stop(watch);
    server_stop(server);
}

static void a_cached_id_is_confirmed_once_the_registry_is_back(void **state) {
    (void)state;
    const struct server_answer answers[] = {eleven, busy, busy, eleven};
    struct server *server = server_start(answers, 4);
    struct error error;
    struct registry_watch *watch = start(server->url, 0, false);
    assert_int_equal(first(watch, 20 * SECOND).id, 11);
    registry_watch_stop(watch);
    watch = start(server->url, 0, false);
    struct outcome outcome = first(watch, 20 * SECOND);
    assert_eleven(&outcome, true);
    assert_int_equal(hear(watch, REGISTRY_WATCH_CONFIRMED, &error), 11);
    registry_watch_stop(watch);
    server_stop(server);
}

/* Whatever a proxy says in between, until the registry is restored. */
static void a_contradicted_id_stays_so_until_it_is_confirmed(void **state) {
    (void)state;
    const struct server_answer answers[] = {busy, twelve, busy, {200, "<html>", NULL}, absent, eleven};
    struct server *server = server_start(answers, 6);
    struct error error = {0};
    struct registry_watch *watch = start(server->url, 11, false);
    hear(watch, REGISTRY_WATCH_MISMATCH, &error);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.text, "under id 12, not under 11"));
    assert_int_equal(hear(watch, REGISTRY_WATCH_CONFIRMED, &error), 11);
    assert_int_equal(server->asked, 6);
    registry_watch_stop(watch);
    server_stop(server);
}

static void a_pinned_id_that_is_not_registered_is_contradicted(void **state) {
    (void)state;
    struct server *server = server_start(&absent, 1);
    struct error error = {0};
    struct registry_watch *watch = start(server->url, 11, true);
    hear(watch, REGISTRY_WATCH_MISMATCH, &error);
    assert_non_null(strstr(error.text, "does not have schema"));
    registry_watch_stop(watch);
    server_stop(server);
}

static bool gives_up(void *context) {
    return *(const bool *)context;
}

static void a_signal_ends_the_wait(void **state) {
    (void)state;
    const struct server_answer silence = {0, NULL, NULL};
    struct server *server = server_start(&silence, 1);
    bool stopped = true;
    struct registry_question question = {.options = options_for(server->url),
                                         .subject = "flows-value",
                                         .schema = &schema,
                                         .interval = 60 * SECOND};
    struct registry_watch *watch = NULL;
    struct error error;
    question.options.stop = gives_up;
    question.options.stop_context = &stopped;
    assert_int_equal(registry_watch_start(&question, &watch, &error), 0);
    int64_t began = clock_monotonic();
    struct outcome outcome = first(watch, 20 * SECOND);
    assert_int_equal(outcome.result, -EINTR);
    registry_watch_stop(watch);
    assert_true(clock_monotonic() - began < 3 * SECOND);
    server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cache_stands_in_while_nobody_answers),
        cmocka_unit_test(the_cache_stands_in_for_what_is_no_answer_of_a_registry),
        cmocka_unit_test(the_cache_is_never_used_against_an_answer),
        cmocka_unit_test(a_damaged_cache_is_none),
        cmocka_unit_test(a_cache_that_cannot_be_written_is_no_failure),
        cmocka_unit_test(a_start_waits_no_longer_than_it_is_told),
        cmocka_unit_test(an_id_that_was_not_known_is_told_later),
        cmocka_unit_test(an_absent_schema_is_registered_later_too),
        cmocka_unit_test(a_cached_id_is_confirmed_once_the_registry_is_back),
        cmocka_unit_test(a_contradicted_id_stays_so_until_it_is_confirmed),
        cmocka_unit_test(a_pinned_id_that_is_not_registered_is_contradicted),
        cmocka_unit_test(a_signal_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
