/* SIGHUP: all of a configuration is put into force, or nothing of it. */
#include "app/run/reload.h"

#include <signal.h>
#include <unistd.h>

#include "app/host/signals.h"
#include "app/run/catching_sink.h"
#include "app/run/lane.h"
#include "base/log.h"

struct bench {
    struct caught_plan caught;
    struct progress progress;
    struct failure failure;
    struct delivery delivery;
    struct lane lane;
    struct reload reload;
    char text[1024]; /* what is read next */
    char *key;
};

static int read_text(void *context, struct config *config, struct error *error) {
    const struct bench *bench = context;
    return load_text(config, bench->text, error);
}

static void write_key(const struct bench *bench, char digit) {
    char digits[64];
    FILE *file = fopen(bench->key, "w");
    assert_non_null(file);
    memset(digits, digit, sizeof digits);
    assert_int_equal(fwrite(digits, 1, sizeof digits, file), sizeof digits);
    assert_int_equal(fclose(file), 0);
}

static void set_text(struct bench *bench, const char *more) {
    snprintf(
        bench->text, sizeof bench->text,
        "sandbox = false; capture = { files = [ \"a\" ]; };"
        "outputs = ( { name = \"0\"; sink = \"null\"; columns_to_anonymize = [ \"address=hash\" ]; },"
        "            { name = \"1\"; sink = \"null\"; }, { name = \"2\"; sink = \"null\"; schema = \"heartbeat/v1\"; } );\n"
        "anonymization = { key_file = \"%s\"; };\n%s",
        bench->key, more);
}

static const struct config_source *source_of(struct bench *bench) {
    static struct config_source source;
    source = (struct config_source){.read = read_text, .context = bench};
    return &source;
}

static void bench_open(struct bench *bench) {
    struct error error = {0};
    *bench = (struct bench){.key = text_file("", 0)};
    write_key(bench, '1');
    set_text(bench, "");
    failure_init(&bench->failure, &bench->progress);
    plan_text_to_catch(&bench->caught, bench->text);
    if (delivery_open(&bench->delivery, &bench->caught.plan, &bench->failure, &error) < 0 ||
        lane_open(&bench->lane, 0, &bench->caught.plan.meter, &bench->delivery, &error) < 0)
        fail_msg("%s", error.text);
    signals_install(1000000);
    reload_begin(&bench->reload, &bench->caught.plan, &bench->delivery);
    bench->reload.source = source_of(bench);
}

static void bench_close(struct bench *bench) {
    reload_end(&bench->reload);
    lane_close(&bench->lane);
    delivery_close(&bench->delivery);
    reload_close(&bench->reload);
    caught_plan_release(&bench->caught);
    unlink(bench->key);
    free(bench->key);
    log_set_level(LOG_INFO);
}

/* Whether it went well. */
static bool hang_up(struct bench *bench) {
    raise(SIGHUP);
    reload_poll(&bench->reload);
    assert_true(bench->reload.runs);
    while (bench->reload.runs) {
        usleep(1000);
        delivery_poll(&bench->delivery);
        lane_follow_timeouts(&bench->lane);
        reload_poll(&bench->reload);
    }
    return !atomic_load(&bench->reload.account.failed);
}

static const char *key_id(const struct bench *bench) {
    return output_key_id(&bench->delivery.outputs[0]);
}

static void the_key_is_read_again_when_sighup_asks(void **state) {
    (void)state;
    struct bench bench;
    char first[ANONYMIZE_KEY_ID_SIZE], second[ANONYMIZE_KEY_ID_SIZE];
    bench_open(&bench);
    snprintf(first, sizeof first, "%s", key_id(&bench));
    write_key(&bench, '2');
    reload_poll(&bench.reload);
    assert_false(bench.reload.runs); /* nobody asked for it */
    assert_string_equal(key_id(&bench), first);
    assert_true(hang_up(&bench));
    snprintf(second, sizeof second, "%s", key_id(&bench));
    assert_string_not_equal(second, first);
    write_key(&bench, 'x');
    assert_false(hang_up(&bench));
    assert_string_equal(key_id(&bench), second);
    write_key(&bench, '1');
    assert_true(hang_up(&bench));
    assert_string_equal(key_id(&bench), first);
    assert_false(bench.delivery.stop);
    bench_close(&bench);
}

static void the_time_is_that_of_the_last_good_one(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    int64_t start = atomic_load(&bench.reload.account.succeeded);
    assert_true(start > 0);
    usleep(1000);
    assert_true(hang_up(&bench));
    int64_t good = atomic_load(&bench.reload.account.succeeded);
    assert_true(good > start);
    set_text(&bench, "meter = { n_meters = 2; };");
    usleep(1000);
    assert_false(hang_up(&bench));
    assert_int_equal(atomic_load(&bench.reload.account.succeeded), good);
    bench_close(&bench);
}

/* The key's file is new, and is not taken with the rest being wrong. */
static void nothing_is_taken_of_what_is_partly_wrong(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "meter = { n_meters = 2; };",                       /* needs a restart */
        "meter = { idle_timeuot = \"1s\"; };",              /* no option */
        "meter = { update_interval = \"1s\"; };",           /* judged by the plan */
        "performance_report = \"1ms\";",                    /* judged with another option */
        "log = { level = \"error\"; format = \"json\"; };", /* half of it is reloadable */
    };
    struct bench bench;
    char first[ANONYMIZE_KEY_ID_SIZE];
    bench_open(&bench);
    snprintf(first, sizeof first, "%s", key_id(&bench));
    write_key(&bench, '2');
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        set_text(&bench, wrong[i]);
        assert_false(hang_up(&bench));
        assert_string_equal(key_id(&bench), first);
        assert_null(bench.reload.latest);
    }
    set_text(&bench, "log = { level = \"error\"; };");
    assert_true(hang_up(&bench));
    assert_string_not_equal(key_id(&bench), first);
    assert_string_equal(bench.reload.latest->config.log.level, "error");
    bench_close(&bench);
}

/* Pseudonyms of a random key can't go on with a file's, nor the other way. */
static void a_key_can_not_come_or_go(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    set_text(&bench, "");
    char *line = strstr(bench.text, "anonymization");
    memset(line, ' ', strcspn(line, "\n"));
    assert_false(hang_up(&bench));
    set_text(&bench, "");
    assert_true(hang_up(&bench));
    bench_close(&bench);
}

static const char *features_of(const struct bench *bench, size_t output) {
    return recorder_features(bench->delivery.outputs[output].shares[0].recorder);
}

static void assert_timeouts(const struct bench *bench, const char *idle, const char *active) {
    for (size_t i = 0; i < bench->delivery.count; i++) {
        assert_non_null(strstr(features_of(bench, i), idle));
        assert_non_null(strstr(features_of(bench, i), active));
    }
}

/* What records say of how they were metered changes with them, in every output. */
static void timeouts_change_with_their_hashes(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    assert_timeouts(&bench, "idle_timeout_us=120000000\n", "active_timeout_us=1800000000\n");
    for (int i = 0; i < 3; i++) {
        set_text(&bench, "meter = { idle_timeout = \"5s\"; };");
        assert_true(hang_up(&bench));
        assert_timeouts(&bench, "idle_timeout_us=5000000\n", "active_timeout_us=1800000000\n");
        set_text(&bench, "meter = { idle_timeout = \"6s\"; active_timeout = \"60s\"; };");
        assert_true(hang_up(&bench));
        assert_timeouts(&bench, "idle_timeout_us=6000000\n", "active_timeout_us=60000000\n");
    }
    unsigned turn = bench.lane.turn;
    assert_true(hang_up(&bench));
    assert_int_equal(bench.lane.turn, turn); /* the same ones again change nothing */
    bench_close(&bench);
}

static void timeouts_that_need_more_memory_need_a_restart(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    set_text(&bench, "meter = { active_timeout = \"2h\"; };");
    assert_false(hang_up(&bench));
    assert_timeouts(&bench, "idle_timeout_us=120000000\n", "active_timeout_us=1800000000\n");
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_read_again_when_sighup_asks),
        cmocka_unit_test(the_time_is_that_of_the_last_good_one),
        cmocka_unit_test(nothing_is_taken_of_what_is_partly_wrong),
        cmocka_unit_test(a_key_can_not_come_or_go),
        cmocka_unit_test(timeouts_change_with_their_hashes),
        cmocka_unit_test(timeouts_that_need_more_memory_need_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
