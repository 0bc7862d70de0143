#include "app/plan/planned.h"

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

static void ports_of_tunnels(void **state) {
    (void)state;
    struct planned planned;
    make_well(&planned, "meter = { tunnel_ports = [ \"vxlan=8472,4790\", \"vxlan_gpe=\" ]; };" OUTPUT);
    assert_non_null(strstr(planned.plan.identity.tunnel_ports, " vxlan=4790,8472 geneve="));
    assert_true(tunnel_ports_have(planned.plan.decode.tunnel_ports, 4790));
    assert_false(tunnel_ports_have(planned.plan.decode.tunnel_ports, 4789));
    release(&planned);
    refuse("meter = { tunnel_ports = [ \"vxlan=6081\" ]; };" OUTPUT,
           "meter.tunnel_ports: port 6081 belongs to both vxlan and geneve");
    refuse("profile = \"nfstream\"; meter = { tunnel_ports = [ \"vxlan=8472\" ]; };" OUTPUT,
           "meter.tunnel_ports is for the native profile");
}

/* Off unless it is asked for, and for a capture whatever is asked for. */
static void system_visibility_is_for_live_sources(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool on;
    } cases[] = {
        {LIVE OUTPUT, false},
        {LIVE "meter = { system_visibility_mode = 1; };" OUTPUT, true},
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
    refuse("outputs = ( { topic = \"t\"; } );",
           "output \"t\": nothing says how personal data (src_ip of schema flow/v2, for one) goes to Kafka");
    make_well(&planned, "outputs = ( { topic = \"t\"; columns_to_anonymize = [ \"all=keep\" ]; } );");
    assert_string_equal(planned.plan.outputs[0].sink->name, "kafka");
    assert_string_equal(planned.plan.outputs[0].framing, "single_object");
    release(&planned);
    make_well(
        &planned,
        "registry = { url = \"http://r\"; }; outputs = ( { topic = \"t\"; columns_to_anonymize = [ \"all=keep\" ]; } );");
    assert_string_equal(planned.plan.outputs[0].framing, "confluent");
    release(&planned);
}

static void what_anonymization_takes_is_known_before_anything_is_opened(void **state) {
    (void)state;
    static const struct {
        const char *items;
        bool anonymizes, has_pseudonyms;
    } cases[] = {{"\"all=keep\"", false, false},
                 {"", false, false},
                 {"\"mac=drop\", \"address=truncate\"", true, false},
                 {"\"src_ip\"", true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planned planned;
        char text[256];
        snprintf(
            text, sizeof text,
            "outputs = ( { name = \"first\"; path = \"x.avro\"; }, { sink = \"null\"; columns_to_anonymize = [ %s ]; } );",
            cases[i].items);
        make_well(&planned, text);
        assert_int_equal(planned.plan.anonymizes, cases[i].anonymizes);
        assert_int_equal(planned.plan.has_pseudonyms, cases[i].has_pseudonyms);
        release(&planned);
    }
    /* The key is judged with the rest, where one is needed. */
    struct planned planned;
    struct error error = {0};
    assert_true(
        make(
            &planned,
            "anonymization = { key_file = \"/tmp/flowsensor-no-key\"; }; outputs = ( { sink = \"null\"; columns_to_anonymize = [ \"src_ip\" ]; } );",
            &error) < 0);
    assert_line(&error, EX_NOINPUT, "anonymization.key_file /tmp/flowsensor-no-key: No such file");
    release(&planned);
    make_well(
        &planned,
        "anonymization = { key_file = \"/tmp/flowsensor-no-key\"; }; outputs = ( { sink = \"null\"; columns_to_anonymize = [ \"mac=drop\" ]; } );");
    release(&planned);
}

static void text_goes_to_kafka_only_without_framing(void **state) {
    (void)state;
    struct planned planned;
    refuse("outputs = ( { topic = \"t\"; columns_to_anonymize = [ \"all=keep\" ]; format = \"csv\"; } );",
           "only with framing = \"none\"");
    make_well(
        &planned,
        "outputs = ( { topic = \"t\"; columns_to_anonymize = [ \"all=keep\" ]; format = \"csv\"; framing = \"none\"; } );");
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
    assert_int_equal(planned.plan.meter.flow_table_size, 16777216);
    release(&planned);
    make_well(&planned, LIVE OUTPUT);
    assert_true(planned.plan.live && planned.plan.meter.preallocate);
    assert_int_equal(planned.plan.meter.flow_table_size, 262144);
    release(&planned);
    make_well(&planned, LIVE "meter = { flow_table_size = 4096; };" OUTPUT);
    assert_int_equal(planned.plan.meter.flow_table_size, 4096);
    release(&planned);
}

static void timeouts_of_the_nfstream_profile_are_whole_milliseconds(void **state) {
    (void)state;
    const char *nfstream =
        "profile = \"nfstream\"; meter = { idle_timeout = \"0\"; active_timeout = \"1ms\"; };";
    struct planned planned;
    char text[256];
    snprintf(text, sizeof text, "%s%s", nfstream, OUTPUT);
    make_well(&planned, text);
    assert_int_equal(planned.plan.meter.idle_timeout, 0);
    assert_int_equal(planned.plan.meter.active_timeout, 1);
    release(&planned);
    make_well(&planned, "meter = { idle_timeout = \"1500us\"; };" OUTPUT);
    assert_int_equal(planned.plan.meter.idle_timeout, 1500);
    release(&planned);
    refuse("profile = \"nfstream\"; meter = { idle_timeout = \"1500us\"; };" OUTPUT,
           "meter.idle_timeout is no whole");
    refuse("profile = \"nfstream\"; meter = { active_timeout = \"1us\"; };" OUTPUT,
           "meter.active_timeout is no whole");
}

static bool binds(const struct planned *planned, size_t output, const char *field) {
    const struct schema *schema = planned->plan.outputs[output].schema;
    for (size_t i = 0; i < schema->field_count; i++)
        if (strcmp(schema->fields[i].name, field) == 0)
            return true;
    return false;
}

#define COUNTER "udps = { packets = [ \"small=ip[2:2] = 40\" ]; };\n"

/* Files take up what is configured, if their schema is the release's. */
static void user_defined_fields_go_into_files(void **state) {
    (void)state;
    struct planned planned;
    make_well(&planned,
              COUNTER "outputs = ( { path = \"a.avro\"; }, { path = \"b.csv\"; format = \"csv\"; } );");
    assert_true(has(&planned, GROUP_UDPS));
    assert_ptr_equal(planned.plan.meter.udps, planned.plan.udps);
    assert_true(binds(&planned, 0, "udps") && binds(&planned, 0, "udps.src2dst_small"));
    assert_true(binds(&planned, 1, "udps.small"));
    release(&planned);
    make_well(&planned, OUTPUT);
    assert_false(has(&planned, GROUP_UDPS) || binds(&planned, 0, "udps"));
    assert_null(planned.plan.meter.udps);
    release(&planned);
}

static void user_defined_fields_that_nobody_asks_for_are_refused(void **state) {
    (void)state;
    char *path = text_file(CORE_SCHEMA, sizeof CORE_SCHEMA - 1), text[512];
    snprintf(text, sizeof text, COUNTER "outputs = ( { path = \"a\"; schema = \"%s\"; } );", path);
    refuse(
        text,
        "is configured, but no output's schema has the field udps; write one with `flowsensor schema compose");
    refuse(COUNTER "outputs = ( { topic = \"flows\"; columns_to_anonymize = [ \"all=keep\" ]; } );",
           "no output's schema has the field udps");
    refuse("udps = { packets = [ \"small=ipp\" ]; };" OUTPUT, "udps.packets: small: \"ipp\": ");
    /* A topic may do without, if there is somebody else. */
    struct planned planned;
    make_well(
        &planned, COUNTER
        "outputs = ( { topic = \"flows\"; columns_to_anonymize = [ \"all=keep\" ]; }, { path = \"a\"; } );");
    assert_false(binds(&planned, 0, "udps"));
    assert_true(binds(&planned, 1, "udps"));
    release(&planned);
    unlink(path);
    free(path);
}

static void schemas_are_composed_for_the_command(void **state) {
    (void)state;
    struct planned planned;
    struct error error = {0};
    load_well(&planned.config,
              COUNTER "outputs = ( { topic = \"flows\"; columns_to_anonymize = [ \"all=keep\" ]; } );");
    assert_int_equal(plan_make(&planned.config, PLAN_SCHEMAS_COMPOSED, &planned.plan, &error), 0);
    assert_true(binds(&planned, 0, "udps.dst2src_small"));
    release(&planned);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_native_schema_asks_for_every_feature),
        cmocka_unit_test(the_nfstream_profile_has_nfstreams_defaults),
        cmocka_unit_test(what_is_set_off_is_off),
        cmocka_unit_test(ports_of_tunnels),
        cmocka_unit_test(system_visibility_is_for_live_sources),
        cmocka_unit_test(personal_data_goes_to_kafka_only_when_it_is_said),
        cmocka_unit_test(what_anonymization_takes_is_known_before_anything_is_opened),
        cmocka_unit_test(text_goes_to_kafka_only_without_framing),
        cmocka_unit_test(a_schema_that_is_not_there_is_refused),
        cmocka_unit_test(flows_are_fewer_live_than_in_files),
        cmocka_unit_test(timeouts_of_the_nfstream_profile_are_whole_milliseconds),
        cmocka_unit_test(user_defined_fields_go_into_files),
        cmocka_unit_test(user_defined_fields_that_nobody_asks_for_are_refused),
        cmocka_unit_test(schemas_are_composed_for_the_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
