/* Early and update records as the configuration asks for them, and who takes them. */
#include "app/plan/publish_options.h"

#include "app/plan/planned.h"

#define METER(settings)       "meter = { " settings " };\n"
#define OUTPUT_WITH(settings) "outputs = ( { sink = \"null\"; name = \"one\"; " settings " } );\n"
#define EARLY                 METER("early_packets = [ \"3\" ];")
#define UPDATE                METER("update_interval = \"10s\";")

enum {
    FINAL = 1u << RECORD_FINAL,
    ALL = 1u << RECORD_FINAL | 1u << RECORD_EARLY | 1u << RECORD_UPDATE,
};

static unsigned kinds_of(const char *text) {
    struct planned planned;
    make_well(&planned, text);
    unsigned kinds = planned.plan.outputs[0].kinds;
    release(&planned);
    return kinds;
}

static void by_default_there_are_final_records_alone(void **state) {
    (void)state;
    struct planned planned;
    make_well(&planned, OUTPUT_WITH(""));
    const struct publish_options *options = &planned.plan.meter.publish;
    assert_int_equal(options->early_packet_count, 0);
    assert_int_equal(options->early_after, 0);
    assert_int_equal(options->update_interval, 0);
    assert_int_equal(publish_options_kinds(options), FINAL);
    assert_int_equal(planned.plan.outputs[0].kinds, FINAL);
    release(&planned);
}

static void options_are_taken_over(void **state) {
    (void)state;
    struct planned planned;
    make_well(&planned,
              METER("early_packets = [ \"1\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"999999999\" ]; "
                    "early_after = \"500ms\"; update_interval = \"10s\";") OUTPUT_WITH(""));
    const struct publish_options *options = &planned.plan.meter.publish;
    assert_int_equal(options->early_packet_count, EARLY_PACKETS_MAX);
    assert_int_equal(options->early_packets[0], 1);
    assert_int_equal(options->early_packets[7], 999999999);
    assert_int_equal(options->early_after, 500000);
    assert_int_equal(options->update_interval, 10000000);
    assert_int_equal(planned.plan.outputs[0].kinds, ALL);
    release(&planned);
}

/* A schema that doesn't say what a record is gets final ones, unless it asks. */
static void an_output_takes_what_its_schema_can_tell(void **state) {
    (void)state;
    assert_int_equal(kinds_of(EARLY OUTPUT_WITH("")), FINAL | 1u << RECORD_EARLY);
    assert_int_equal(kinds_of(UPDATE OUTPUT_WITH("")), FINAL | 1u << RECORD_UPDATE);
    assert_int_equal(kinds_of(EARLY OUTPUT_WITH("record_kinds = [ \"early\" ];")), 1u << RECORD_EARLY);
    assert_int_equal(kinds_of(EARLY OUTPUT_WITH("record_kinds = [ \"final\", \"auto\" ];")),
                     FINAL | 1u << RECORD_EARLY);
    static const char core[] =
        "{\"type\": \"record\", \"name\": \"Core\", \"namespace\": \"test\", \"doc\": \"Core fields.\", \"fields\": ["
        "{\"name\": \"bidirectional_packets\", \"type\": \"long\", \"unit\": \"packets\", \"doc\": \"Packets.\"}]}";
    char text[1024];
    char *path = text_file(core, sizeof core - 1);
    snprintf(text, sizeof text,
             EARLY
             "outputs = ( { sink = \"null\"; name = \"core\"; schema = \"%s\"; }, { sink = \"null\"; } );",
             path);
    assert_int_equal(kinds_of(text), FINAL);
    snprintf(text, sizeof text, EARLY OUTPUT_WITH("schema = \"%s\"; record_kinds = [ \"early\" ];"), path);
    assert_int_equal(kinds_of(text), 1u << RECORD_EARLY);
    snprintf(text, sizeof text, EARLY OUTPUT_WITH("schema = \"%s\";"), path);
    refuse(text,
           "meter.early_packets or meter.early_after makes early records, but no output takes them; add "
           "\"early\" to the record_kinds of one (its schema should have the fields record_kind and "
           "revision), or unset it");
    unlink(path);
    free(path);
}

static void mistakes_in_numbers_are_refused(void **state) {
    (void)state;
    static const char *const no_numbers[] = {"0", "-1", "1.5", "", "x", "3 ", "1000000000"};
    for (size_t i = 0; i < sizeof no_numbers / sizeof *no_numbers; i++) {
        char text[256], expected[256];
        snprintf(text, sizeof text, METER("early_packets = [ \"%s\" ];") OUTPUT_WITH(""), no_numbers[i]);
        snprintf(
            expected, sizeof expected,
            "meter.early_packets: \"%s\" is no number of a packet; write whole numbers from 1 on, as in [ "
            "\"3\", \"8\", \"20\" ]",
            no_numbers[i]);
        refuse(text, expected);
    }
    refuse(METER("early_packets = [ \"3\", \"3\" ];") OUTPUT_WITH(""),
           "meter.early_packets: \"3\" comes after 3; write the numbers in rising order");
    refuse(METER("early_packets = [ \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\" ];")
               OUTPUT_WITH(""),
           "meter.early_packets: 9 numbers are given, and 8 are the most; take some off");
    refuse(METER("active_timeout = \"1s\"; update_interval = \"16us\";") OUTPUT_WITH(""),
           "would have more than 65526 ");
    refuse(METER("update_interval = \"10ms\";") OUTPUT_WITH(""),
           "meter.update_interval: a slice, which lasts for meter.active_timeout, would have more than 65526 "
           "records; make the interval longer or the timeout shorter");
}

static void the_nfstream_profile_has_none(void **state) {
    (void)state;
    static const char *const settings[][2] = {{"early_packets = [ \"3\" ];", "early_packets"},
                                              {"early_after = \"1s\";", "early_after"},
                                              {"update_interval = \"1s\";", "update_interval"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char text[256], expected[256];
        snprintf(text, sizeof text, "profile = \"nfstream\"; " METER("%s") OUTPUT_WITH(""), settings[i][0]);
        snprintf(
            expected, sizeof expected,
            "meter.%s is for the native profile, NFStream's flows are recorded at their end alone; take it "
            "off, or set profile = \"native\"",
            settings[i][1]);
        refuse(text, expected);
    }
}

static void mistakes_in_kinds_are_refused(void **state) {
    (void)state;
    refuse(
        OUTPUT_WITH("record_kinds = [ \"early\" ];"),
        "output \"one\": record_kinds: \"early\" is named, but no such record is made; set meter.early_packets "
        "or meter.early_after, or take it off");
    refuse(EARLY OUTPUT_WITH("record_kinds = [ \"update\" ];"),
           "output \"one\": record_kinds: \"update\" is named, but no such record is made; set "
           "meter.update_interval, or take it off");
    refuse(UPDATE OUTPUT_WITH("record_kinds = [ \"final\" ];"),
           "meter.update_interval makes update records, but no output takes them; add \"update\" to the "
           "record_kinds of one (its schema should have the fields record_kind and revision), or unset it");
    refuse(
        OUTPUT_WITH("record_kinds = [ ];"),
        "output \"one\": record_kinds is empty, so that the output would get nothing; name a kind, or take it "
        "off");
    refuse(
        OUTPUT_WITH("record_kinds = [ \"finale\" ];"),
        "output \"one\": record_kinds: there is no kind \"finale\" (did you mean \"final\"?); kinds are final, "
        "early, update and auto");
    refuse(
        OUTPUT_WITH("record_kinds = [ \"final\", \"final\" ];"),
        "output \"one\": record_kinds: \"final\" is given twice; an output takes it or not, so name it once");
    refuse(OUTPUT_WITH("schema = \"sensor_stats/v1\"; record_kinds = [ \"final\" ];"),
           "output \"one\": record_kinds is of records of flows, and schema sensor_stats/v1 of the sensor's "
           "reports; take it off");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_there_are_final_records_alone),
        cmocka_unit_test(options_are_taken_over),
        cmocka_unit_test(an_output_takes_what_its_schema_can_tell),
        cmocka_unit_test(mistakes_in_numbers_are_refused),
        cmocka_unit_test(the_nfstream_profile_has_none),
        cmocka_unit_test(mistakes_in_kinds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
