/* Which groups of the catalogue are computed: those of which a schema has a field. */
#include "app/plan/planned.h"

static void what_no_schema_asks_for_is_not_computed(void **state) {
    (void)state;
    char *path = text_file(CORE_SCHEMA, sizeof CORE_SCHEMA - 1), text[256];
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

/* The schemas alone decide, no option does. */
static void missing_bytes_are_counted_where_a_schema_has_them(void **state) {
    (void)state;
    static const struct {
        const char *outputs;
        bool on;
    } cases[] = {
        {"outputs = ( { sink = \"null\"; } );", true},
        {"outputs = ( { sink = \"null\"; schema = \"flow/v1\"; } );", false},
        {"outputs = ( { sink = \"null\"; schema = \"flow/v1\"; }, { path = \"x\"; } );", true},
        {"profile = \"nfstream\"; outputs = ( { sink = \"null\"; } );", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planned planned;
        make_well(&planned, cases[i].outputs);
        assert_int_equal(meter_asks_for(&planned.plan.meter, FEATURE_tcp_gaps), cases[i].on);
        assert_int_equal(has(&planned, GROUP_TCP), cases[i].on);
        release(&planned);
    }
}

/* What a schema of this one field asks for. */
static void make_with_field(struct planned *planned, const char *name, const char *type) {
    char schema[512], text[256];
    snprintf(
        schema, sizeof schema,
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"x\",\"doc\":\"d\",\"fields\":[{\"name\":\"%s\","
        "\"type\":[\"null\",%s],\"default\":null,\"doc\":\"d\"}]}",
        name, type);
    char *path = text_file(schema, strlen(schema));
    snprintf(text, sizeof text, "outputs = ( { sink = \"null\"; schema = \"%s\"; } );", path);
    make_well(planned, text);
    unlink(path);
    free(path);
}

static void groups_are_computed_where_a_schema_has_a_field_of_them(void **state) {
    (void)state;
    static const struct {
        const char *name, *type;
        unsigned features;
        enum field_group group;
    } cases[] = {
        {"src2dst_ip_bytes", "\"long\"", 1u << FEATURE_sizes, GROUP_SIZES},
        {"bidirectional_size_changes", "\"long\"", 1u << FEATURE_series, GROUP_SERIES},
        {"src2dst_ip_ps_hist", "{\"type\":\"array\",\"items\":\"long\"}", 1u << FEATURE_histograms,
         GROUP_HISTOGRAMS},
        {"src2dst_min_ttl", "\"int\"", 1u << FEATURE_ip, GROUP_IP},
        {"src2dst_mss", "\"int\"",
         1u << FEATURE_tcp_window | 1u << FEATURE_tcp_handshake | 1u << FEATURE_tcp_retransmission,
         GROUP_TCP_MORE},
        {"idle_count", "\"long\"", 1u << FEATURE_activity | 1u << FEATURE_bulk, GROUP_ACTIVITY},
        {"src2dst_burst_bytes", "{\"type\":\"array\",\"items\":\"long\"}", 1u << FEATURE_bursts,
         GROUP_BURSTS},
        {"splt_duplicate", "{\"type\":\"array\",\"items\":\"int\"}", 0, GROUP_SPLT_MORE},
        {"src_port", "\"int\"", 0, GROUP_CORE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planned planned;
        bool splt = cases[i].group == GROUP_SPLT_MORE;
        make_with_field(&planned, cases[i].name, cases[i].type);
        assert_int_equal(planned.plan.meter.features_asked, cases[i].features);
        assert_true(has(&planned, cases[i].group));
        assert_int_equal(has(&planned, GROUP_SPLT_MORE), splt);
        assert_int_equal(planned.plan.meter.splt_more, splt);
        assert_int_equal(planned.plan.meter.splt_analysis, splt ? 20 : 0);
        release(&planned);
    }
}

static void splt_keeps_the_packets_that_are_chosen(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum splt_packets packets;
    } cases[] = {
        {OUTPUT, SPLT_ALL},
        {"meter = { splt_packets = \"all\"; };" OUTPUT, SPLT_ALL},
        {"meter = { splt_packets = \"payload\"; };" OUTPUT, SPLT_PAYLOAD},
        {"meter = { splt_packets = \"payload_new\"; };" OUTPUT, SPLT_PAYLOAD_NEW},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planned planned;
        make_well(&planned, cases[i].text);
        assert_int_equal(planned.plan.meter.splt_packets, cases[i].packets);
        release(&planned);
    }
    refuse("profile = \"nfstream\"; meter = { splt_packets = \"payload\"; splt_analysis = 5; };" OUTPUT,
           "meter.splt_packets is for the native profile");
}

static void conversations_have_a_key_where_there_is_a_file_of_it(void **state) {
    (void)state;
    char *path = text_file("0123456789abcdef0123456789abcdef", 32), text[256];
    struct planned planned;
    snprintf(text, sizeof text, "identity = { conn_key_file = \"%s\"; };\n", path);
    char *outputs = text + strlen(text);
    strcpy(outputs, "outputs = ( { sink = \"null\"; schema = \"flow/v2\"; } );");
    for (int with = 0; with < 2; with++) {
        make_well(&planned, with ? text : outputs);
        assert_int_equal(has(&planned, GROUP_CONVERSATION), with);
        release(&planned);
    }
    strcpy(outputs, "outputs = ( { path = \"x\"; schema = \"flow/v1\"; } );");
    refuse(text, "identity.conn_key_file is set, but no output's schema has a field of the group");
    unlink(path);
    free(path);
}

static void what_is_set_on_though_nobody_asks_is_refused(void **state) {
    (void)state;
    static const char *const switches[][2] = {
        {"statistical_analysis = true", "meter.statistical_analysis is set, but no output"},
        {"splt_analysis = 5", "meter.splt_analysis is set, but no output"},
        {"splt_packets = \"payload\"", "meter.splt_packets is set, but no output"},
        {"n_dissections = 20", "meter.n_dissections is set, but no output"},
        {"system_visibility_mode = 1", "meter.system_visibility_mode is set, but no output"}};
    char *path = text_file(CORE_SCHEMA, sizeof CORE_SCHEMA - 1), text[256];
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        snprintf(text, sizeof text, "meter = { %s; }; outputs = ( { sink = \"null\"; schema = \"%s\"; } );",
                 switches[i][0], path);
        refuse(text, switches[i][1]);
    }
    unlink(path);
    free(path);
}

/* Labels are on for any of nDPI's fields, and off for all of them. */
static void findings_of_ndpi_are_kept_where_a_schema_has_them(void **state) {
    (void)state;
    static const char risks_schema[] =
        "{\"type\": \"record\", \"name\": \"Risks\", \"namespace\": \"test\", \"doc\": \"Risks.\", \"fields\": ["
        "{\"name\": \"ndpi_risk_score\", \"type\": [\"null\", \"int\"], \"default\": null, \"doc\": \"Score.\"}]}";
    static const struct {
        const char *outputs;
        unsigned parts, dissections;
    } cases[] = {
        {"outputs = ( { sink = \"null\"; } );", 0, 20},
        {"outputs = ( { sink = \"null\"; schema = \"flow_full/v1\"; } );",
         L7_PART_RISKS | L7_PART_TLS | L7_PART_HTTP, 20},
        {"outputs = ( { sink = \"null\"; schema = \"%s\"; } );", L7_PART_RISKS, 20},
        {"meter = { n_dissections = 5; }; outputs = ( { sink = \"null\"; schema = \"%s\"; } );",
         L7_PART_RISKS, 5},
        {"meter = { n_dissections = 0; }; outputs = ( { sink = \"null\"; schema = \"%s\"; } );", 0, 0},
    };
    char *path = text_file(risks_schema, sizeof risks_schema - 1), text[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planned planned;
        snprintf(text, sizeof text, "%s", cases[i].outputs);
        char *place = strstr(text, "%s");
        if (place != NULL)
            snprintf(place, sizeof text - (size_t)(place - text), "%s%s", path,
                     strstr(cases[i].outputs, "%s") + 2);
        make_well(&planned, text);
        assert_int_equal(planned.plan.meter.l7_parts, cases[i].parts);
        assert_int_equal(planned.plan.meter.n_dissections, cases[i].dissections);
        assert_int_equal(has(&planned, GROUP_RISKS), (cases[i].parts & L7_PART_RISKS) != 0);
        assert_int_equal(planned.plan.identity.ndpi_version[0] != '\0', cases[i].dissections > 0);
        release(&planned);
    }
    unlink(path);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_schema_asks_for_is_not_computed),
        cmocka_unit_test(missing_bytes_are_counted_where_a_schema_has_them),
        cmocka_unit_test(groups_are_computed_where_a_schema_has_a_field_of_them),
        cmocka_unit_test(splt_keeps_the_packets_that_are_chosen),
        cmocka_unit_test(conversations_have_a_key_where_there_is_a_file_of_it),
        cmocka_unit_test(what_is_set_on_though_nobody_asks_is_refused),
        cmocka_unit_test(findings_of_ndpi_are_kept_where_a_schema_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
