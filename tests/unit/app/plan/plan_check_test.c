/* When performance reports and heartbeats are made, and who is refused without. */
#include "app/plan/plan_check.h"
#include "app/plan/planned.h"

#define FILE_SOURCE "capture = { files = [ \"a\" ]; };"
#define STATS       "outputs = ( { topic = \"stats\"; schema = \"sensor_stats/v1\"; } );"

static void reports_are_made_when_they_are_asked_for(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t interval;
    } cases[] = {
        {LIVE OUTPUT, 0},
        {LIVE STATS, 60000000},
        {LIVE STATS "performance_report = \"5s\";", 5000000},
        {LIVE OUTPUT "performance_report = \"5s\";", 5000000},
        {LIVE OUTPUT "performance_report = \"0\";", 0},
        {FILE_SOURCE "performance_report = \"5s\";" OUTPUT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planned planned;
        make_well(&planned, cases[i].text);
        assert_int_equal(planned.plan.report_interval, cases[i].interval);
        assert_int_equal(plan_check_run(&planned.plan, NULL), 0);
        release(&planned);
    }
}

#define BEATS                                                        \
    "outputs = ( { topic = \"beats\"; schema = \"heartbeat/v1\"; }," \
    "            { path = \"a\"; columns_to_anonymize = [ \"all=keep\" ]; } );"

/* From files too; and meters tell bounds only where they are sent. */
static void heartbeats_are_made_where_an_output_has_them(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t heartbeat, report;
    } cases[] = {
        {LIVE OUTPUT, 0, 0},
        {LIVE BEATS, 1000000, 0},
        {LIVE STATS, 0, 60000000},
        {FILE_SOURCE BEATS, 1000000, 0},
        {LIVE BEATS "heartbeat_interval = \"5s\"; performance_report = \"7s\";", 5000000, 7000000},
        {FILE_SOURCE OUTPUT "heartbeat_interval = \"0\";", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planned planned;
        make_well(&planned, cases[i].text);
        assert_int_equal(planned.plan.heartbeat_interval, cases[i].heartbeat);
        assert_int_equal(planned.plan.report_interval, cases[i].report);
        assert_int_equal(planned.plan.meter.bounds, cases[i].heartbeat > 0);
        assert_int_equal(plan_check_run(&planned.plan, NULL), 0);
        release(&planned);
    }
    refuse(
        LIVE OUTPUT "heartbeat_interval = \"5s\";",
        "heartbeat_interval is set, but no output's schema is of heartbeats; unset it or add an output with "
        "schema = \"heartbeat/v1\"");
}

/* The plan itself is made, since commands that print or register the schema need no source. */
static void refuse_run(const char *text, const char *expected) {
    struct planned planned;
    struct error error = {0};
    make_well(&planned, text);
    assert_true(plan_check_run(&planned.plan, &error) < 0);
    assert_line(&error, EX_CONFIG, expected);
    release(&planned);
}

static void an_output_without_reports_is_refused(void **state) {
    (void)state;
    refuse_run(
        LIVE STATS "performance_report = \"0s\";",
        "output \"stats\": schema sensor_stats/v1 is of the sensor's performance reports, which are off; "
        "add the line performance_report = \"60s\";");
    refuse_run(FILE_SOURCE STATS, "which only a live capture (-i) makes; take the output off to read files");
    refuse_run(
        LIVE BEATS "heartbeat_interval = \"0s\";",
        "output \"beats\": schema heartbeat/v1 is of the sensor's heartbeats, which are off; add the line "
        "heartbeat_interval = \"1s\"; or take the output off");
}

/* An output for the sensor's own records asks for no feature of flows. */
static void reports_ask_for_no_feature(void **state) {
    (void)state;
    struct planned planned;
    make_well(&planned, LIVE STATS);
    assert_int_equal(planned.plan.meter.n_dissections, 0);
    assert_int_equal(planned.plan.meter.splt_analysis, 0);
    assert_false(planned.plan.meter.statistical_analysis);
    release(&planned);
    refuse(LIVE STATS "meter = { n_dissections = 20; };", "meter.n_dissections is set, but no output");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_made_when_they_are_asked_for),
        cmocka_unit_test(heartbeats_are_made_where_an_output_has_them),
        cmocka_unit_test(an_output_without_reports_is_refused),
        cmocka_unit_test(reports_ask_for_no_feature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
