/* The cached id: when it stands in for the registry, and the watch that confirms it later. */
#include "record/registry/registry_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/registry/watch.h"
#include "wait.h"

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
    assert_refused(&outcome, EX_UNAVAILABLE, "not how a schema registry answers");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cache_stands_in_while_nobody_answers),
        cmocka_unit_test(the_cache_stands_in_for_a_server_error),
        cmocka_unit_test(the_cache_is_never_used_against_an_answer),
        cmocka_unit_test(a_damaged_cache_is_none),
        cmocka_unit_test(a_cache_that_cannot_be_written_is_no_failure),
        cmocka_unit_test(a_cached_id_is_confirmed_once_the_registry_is_back),
        cmocka_unit_test(another_id_than_the_cached_one_is_a_mismatch),
        cmocka_unit_test(a_watch_is_stopped_while_it_waits),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
