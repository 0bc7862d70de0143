#include "app/plan.h"

#include "app/config_text.h"

#define OUTPUT "outputs = ( { sink = \"null\"; } );\n"

/* A schema of core fields alone, which asks for no group that can be off. */
static const char core_schema[] =
    "{\"type\": \"record\", \"name\": \"Core\", \"namespace\": \"test\", \"doc\": \"Core fields.\", \"fields\": ["
    "{\"name\": \"bidirectional_packets\", \"type\": \"long\", \"doc\": \"Packets.\"}]}";

/* A plan and what it borrows. */
struct planned {
    struct config config;
    struct plan plan;
};

static int make(struct planned *planned, const char *text, struct error *error) {
    load_well(&planned->config, text);
    return plan_make(&planned->config, &planned->plan, error);
}

static void release(struct planned *planned) {
    plan_release(&planned->plan);
    config_release(&planned->config);
}

static void make_well(struct planned *planned, const char *text) {
    struct error error = {0};
    if (make(planned, text, &error) < 0)
        fail_msg("%s", error.text);
}

static void refuse(const char *text, const char *expected) {
    struct planned planned;
    struct error error = {0};
    assert_true(make(&planned, text, &error) < 0);
    assert_line(&error, EX_CONFIG, expected);
    release(&planned);
}

static bool has(const struct planned *planned, enum field_group group) {
    return (planned->plan.groups & (1u << group)) != 0;
}

static void the_native_schema_asks_for_every_feature(void **state) {
    (void)state;
    struct planned planned;
    make_well(&planned, OUTPUT);
    assert_string_equal(planned.plan.outputs[0].schema->full_name, "flowsensor.flow.Flow");
    assert_int_equal(planned.plan.meter.profile, PROFILE_NATIVE);
    assert_true(planned.plan.meter.statistical_analysis);
    assert_int_equal(planned.plan.meter.splt_analysis, 20);
    assert_int_equal(planned.plan.meter.n_dissections, 20);
    assert_true(planned.plan.decode.decode_tunnels);
    assert_int_equal(planned.plan.meter.idle_timeout, 120000000);
    assert_true(has(&planned, GROUP_STATS) && has(&planned, GROUP_SPLT) && has(&planned, GROUP_L7));
    release(&planned);
}

static void the_nfstream_profile_has_nfstreams_defaults(void **state) {
    (void)state;
    struct planned planned;
    make_well(&planned, "profile = \"nfstream\";" OUTPUT);
    assert_string_equal(planned.plan.outputs[0].schema->full_name, "flowsensor.nfstream.Flow");
    assert_int_equal(planned.plan.decode.dialect, DECODE_NFSTREAM);
    assert_false(planned.plan.meter.statistical_analysis);
    assert_int_equal(planned.plan.meter.splt_analysis, 0);
    assert_int_equal(planned.plan.meter.n_dissections, 20);
    assert_int_equal(planned.plan.meter.idle_timeout, 120000); /* milliseconds */
    assert_false(has(&planned, GROUP_STATS) || has(&planned, GROUP_SPLT));
    release(&planned);
}

static void what_is_set_off_is_off(void **state) {
    (void)state;
    struct planned planned;
    make_well(
        &planned,
        "meter = { statistical_analysis = false; splt_analysis = 0; n_dissections = 0; decode_tunnels = false; };" OUTPUT);
    assert_false(planned.plan.meter.statistical_analysis);
    assert_int_equal(planned.plan.meter.splt_analysis, 0);
    assert_int_equal(planned.plan.meter.n_dissections, 0);
    assert_false(planned.plan.decode.decode_tunnels);
    assert_false(has(&planned, GROUP_STATS) || has(&planned, GROUP_SPLT) || has(&planned, GROUP_L7) ||
                 has(&planned, GROUP_TUNNEL));
    assert_true(has(&planned, GROUP_CORE) && has(&planned, GROUP_IDENTITY) && has(&planned, GROUP_QUALITY));
    assert_string_equal(planned.plan.identity.ndpi_version, "");
    release(&planned);
}

static void what_no_schema_asks_for_is_not_computed(void **state) {
    (void)state;
    char *path = text_file(core_schema, sizeof core_schema - 1), text[256];
    struct planned planned;
    snprintf(text, sizeof text, "outputs = ( { sink = \"null\"; schema = \"%s\"; } );", path);
    make_well(&planned, text);
    assert_false(has(&planned, GROUP_STATS) || has(&planned, GROUP_SPLT) || has(&planned, GROUP_L7));
    assert_int_equal(planned.plan.meter.n_dissections, 0);
    release(&planned);
    /* One output that asks is enough. */
    snprintf(text, sizeof text, "outputs = ( { sink = \"null\"; schema = \"%s\"; }, { path = \"x\"; } );",
             path);
    make_well(&planned, text);
    assert_true(has(&planned, GROUP_STATS) && has(&planned, GROUP_SPLT) && has(&planned, GROUP_L7));
    release(&planned);
    unlink(path);
    free(path);
}

static void what_is_set_on_though_nobody_asks_is_refused(void **state) {
    (void)state;
    static const char *const switches[][2] = {
        {"statistical_analysis = true", "meter.statistical_analysis is set, but no output"},
        {"splt_analysis = 5", "meter.splt_analysis is set, but no output"},
        {"n_dissections = 20", "meter.n_dissections is set, but no output"},
        {"system_visibility_mode = 1", "meter.system_visibility_mode is set, but no output"}};
    char *path = text_file(core_schema, sizeof core_schema - 1), text[256];
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        snprintf(text, sizeof text, "meter = { %s; }; outputs = ( { sink = \"null\"; schema = \"%s\"; } );",
                 switches[i][0], path);
        refuse(text, switches[i][1]);
    }
    unlink(path);
    free(path);
}

/* Off unless it is asked for, and for a capture whatever is asked for. */
static void system_visibility_is_for_live_sources(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool on;
    } cases[] = {
        {"capture = { interface = \"lo\"; };" OUTPUT, false},
        {"capture = { interface = \"lo\"; }; meter = { system_visibility_mode = 1; };" OUTPUT, true},
        {"capture = { files = [ \"x\" ]; }; meter = { system_visibility_mode = 1; };" OUTPUT, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planned planned;
        make_well(&planned, cases[i].text);
        assert_int_equal(planned.plan.system_visibility, cases[i].on);
        assert_int_equal(has(&planned, GROUP_PROCESS), cases[i].on);
        assert_int_equal(planned.plan.identity.system_visibility, cases[i].on);
        release(&planned);
    }
}

static void personal_data_goes_to_kafka_only_when_it_is_said(void **state) {
    (void)state;
    struct planned planned;
    refuse("outputs = ( { topic = \"t\"; } );", "output \"t\": schema flow/v1 has personal data");
    make_well(&planned, "outputs = ( { topic = \"t\"; pii = \"clear\"; } );");
    assert_string_equal(planned.plan.outputs[0].sink->name, "kafka");
    assert_string_equal(planned.plan.outputs[0].framing, "single_object");
    release(&planned);
    make_well(&planned,
              "registry = { url = \"http://r\"; }; outputs = ( { topic = \"t\"; pii = \"clear\"; } );");
    assert_string_equal(planned.plan.outputs[0].framing, "confluent");
    release(&planned);
}

static void text_goes_to_kafka_only_without_framing(void **state) {
    (void)state;
    struct planned planned;
    refuse("outputs = ( { topic = \"t\"; pii = \"clear\"; format = \"csv\"; } );",
           "only with framing = \"none\"");
    make_well(&planned,
              "outputs = ( { topic = \"t\"; pii = \"clear\"; format = \"csv\"; framing = \"none\"; } );");
    release(&planned);
}

static void a_schema_that_is_not_there_is_refused(void **state) {
    (void)state;
    refuse("outputs = ( { sink = \"null\"; schema = \"flow/v9\"; } );", "flow/v9");
    refuse("outputs = ( { sink = \"null\"; schema = \"nfstream/v1\"; } );", "nfstream");
}

static void flows_are_fewer_live_than_in_files(void **state) {
    (void)state;
    struct planned planned;
    make_well(&planned, "capture = { files = [ \"a\" ]; };" OUTPUT);
    assert_false(planned.plan.live || planned.plan.meter.preallocate);
    assert_int_equal(planned.plan.meter.max_flows, 16777216);
    release(&planned);
    make_well(&planned, "capture = { interface = \"lo\"; };" OUTPUT);
    assert_true(planned.plan.live && planned.plan.meter.preallocate);
    assert_int_equal(planned.plan.meter.max_flows, 262144);
    release(&planned);
    make_well(&planned, "capture = { interface = \"lo\"; }; meter = { max_flows = 4096; };" OUTPUT);
    assert_int_equal(planned.plan.meter.max_flows, 4096);
    release(&planned);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_native_schema_asks_for_every_feature),
        cmocka_unit_test(the_nfstream_profile_has_nfstreams_defaults),
        cmocka_unit_test(what_is_set_off_is_off),
        cmocka_unit_test(what_no_schema_asks_for_is_not_computed),
        cmocka_unit_test(what_is_set_on_though_nobody_asks_is_refused),
        cmocka_unit_test(system_visibility_is_for_live_sources),
        cmocka_unit_test(personal_data_goes_to_kafka_only_when_it_is_said),
        cmocka_unit_test(text_goes_to_kafka_only_without_framing),
        cmocka_unit_test(a_schema_that_is_not_there_is_refused),
        cmocka_unit_test(flows_are_fewer_live_than_in_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
