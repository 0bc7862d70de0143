/* The overload ladder as the configuration describes it, and where there is none. */
#include "app/plan/overload_options.h"

#include "app/plan/planned.h"

static const struct overload_options *overload_of(struct planned *planned, const char *text) {
    make_well(planned, text);
    return &planned->plan.meter.overload;
}

static void by_default_all_steps_are_there_in_order(void **state) {
    (void)state;
    struct planned planned;
    const struct overload_options *options = overload_of(&planned, LIVE OUTPUT);
    assert_int_equal(options->count, OVERLOAD_STEP_COUNT);
    for (unsigned i = 0; i < OVERLOAD_STEP_COUNT; i++)
        assert_int_equal(options->steps[i], i);
    assert_int_equal(options->enter, 75);
    assert_int_equal(options->leave, 25);
    assert_int_equal(options->patience, 10000000);
    assert_int_equal(options->idle_timeout, 10000000);
    assert_int_equal(options->sampling_rate, 8);
    assert_true(overload_options_sample(options));
    release(&planned);
}

static void the_list_is_the_order(void **state) {
    (void)state;
    struct planned planned;
    const struct overload_options *options = overload_of(
        &planned,
        LIVE "overload = { steps = [ \"shedding\", \"short_idle\" ]; enter = 50; leave = 50; };" OUTPUT);
    assert_int_equal(options->count, 2);
    assert_int_equal(options->steps[0], OVERLOAD_shedding);
    assert_int_equal(options->steps[1], OVERLOAD_short_idle);
    assert_false(overload_options_sample(options));
    release(&planned);
}

/* Files wait, and NFStream has no such thing. */
static void elsewhere_there_is_none(void **state) {
    (void)state;
    static const char *const texts[] = {
        OUTPUT,
        LIVE "profile = \"nfstream\";" OUTPUT,
        LIVE "overload = { steps = [ ]; };" OUTPUT,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct planned planned;
        assert_int_equal(overload_of(&planned, texts[i])->count, 0);
        release(&planned);
    }
}

static void mistakes_are_refused(void **state) {
    (void)state;
    refuse("overload = { steps = [ \"sheding\" ]; };" OUTPUT,
           "overload.steps: there is no step \"sheding\" (did you mean \"shedding\"?); steps are short_idle, "
           "no_dissection, no_splt, sampling, shedding");
    refuse(LIVE "overload = { steps = [ \"\" ]; };" OUTPUT,
           "overload.steps: there is no step \"\"; steps are");
    refuse(LIVE "overload = { steps = [ \"sampling\", \"no_splt\", \"sampling\" ]; };" OUTPUT,
           "overload.steps: \"sampling\" is given twice");
    refuse(LIVE "overload = { enter = 50; leave = 51; };" OUTPUT,
           "overload.leave (51) is above overload.enter (50)");
}

/* Sampling by the key that sensors share, else by that of flow_uid, which is random without a file. With sampling the shared
 * key has a use, also where no schema has conn_key. */
/* Its schema has no conn_key. */
#define OF_V1 "outputs = ( { path = \"flows.avro\"; schema = \"flow/v1\"; } );"

static void conversations_are_chosen_by_the_shared_key(void **state) {
    (void)state;
    char *path = text_file("0123456789abcdef0123456789abcdef", 32), text[512];
    struct planned planned;
    const struct overload_options *options = overload_of(&planned, LIVE OUTPUT);
    assert_memory_equal(&options->key, &planned.plan.identity.key, sizeof options->key);
    assert_true(options->key.word[0] != 0 || options->key.word[1] != 0);
    release(&planned);
    snprintf(text, sizeof text, LIVE "identity = { conn_key_file = \"%s\"; };" OUTPUT, path);
    options = overload_of(&planned, text);
    assert_true(options->key.word[0] == UINT64_C(0x0123456789abcdef) &&
                options->key.word[1] == UINT64_C(0x0123456789abcdef));
    release(&planned);
    snprintf(text, sizeof text,
             LIVE "identity = { conn_key_file = \"%s\"; }; overload = { steps = [ \"shedding\" ]; };" OF_V1,
             path);
    refuse(text, "identity.conn_key_file is set, but no output's schema has a field of the group");
    unlink(path);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_all_steps_are_there_in_order),
        cmocka_unit_test(the_list_is_the_order),
        cmocka_unit_test(elsewhere_there_is_none),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(conversations_are_chosen_by_the_shared_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
