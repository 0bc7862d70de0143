#include "app/plan/budget.h"

#include "app/config_text.h"
#include "meter/dissect.h"

#define LIVE   "capture = { interfaces = [ \"none0\" ]; socket_buffer_size = \"8MiB\"; };\n"
#define OUTPUT "outputs = ( { sink = \"null\"; } );\n"
#define KAFKA(properties)                                                                             \
    "outputs = ( { topic = \"flows\"; columns_to_anonymize = [ \"all=keep\" ]; kafka = [ " properties \
    " ]; } );\n"
#define BROKER "\"bootstrap.servers=127.0.0.1:9\""
#define SPOOL  "spool = { directory = \"/nowhere\"; };\n"

static const uint64_t MIB = 1 << 20;

static int make(const char *text, struct budget *budget, struct error *error) {
    struct config config;
    struct plan plan;
    struct error planning = {0};
    load_well(&config, text);
    if (plan_make(&config, PLAN_SCHEMAS_AS_NAMED, &plan, &planning) < 0)
        fail_msg("%s", planning.text);
    int result = budget_make(&plan, budget, error);
    assert_int_equal(budget_total(&plan), result == 0 ? budget->total : 0);
    plan_release(&plan);
    config_release(&config);
    return result;
}

static struct budget budget_of(const char *text) {
    struct budget budget;
    struct error error = {0};
    if (make(text, &budget, &error) < 0)
        fail_msg("%s", error.text);
    return budget;
}

static uint64_t item(const struct budget *budget, const char *name) {
    for (size_t i = 0; i < budget->count; i++)
        if (strcmp(budget->items[i].name, name) == 0)
            return budget->items[i].bytes;
    fail_msg("no item %s", name);
    return 0;
}

static void refuse(const char *text, int exit_code, const char *expected) {
    struct budget budget;
    struct error error = {0};
    assert_true(make(text, &budget, &error) < 0);
    assert_line(&error, exit_code, expected);
}

static void the_total_is_the_sum_of_its_items(void **state) {
    (void)state;
    struct budget budget = budget_of(LIVE OUTPUT);
    uint64_t sum = 0;
    for (size_t i = 0; i < budget.count; i++)
        sum += budget.items[i].bytes;
    assert_int_equal(budget.total, sum);
    assert_int_equal(item(&budget, "capture_rings"), 8 * MIB);
    assert_int_equal(item(&budget, "handover_rings"), 0);
    assert_int_equal(item(&budget, "system_visibility"), 0);
    assert_int_equal(item(&budget, "plugins"), 0);
}

static void each_meter_has_its_own_and_its_part_of_the_table(void **state) {
    (void)state;
    struct budget one = budget_of("meter = { flow_table_size = 60000; };" LIVE OUTPUT);
    struct budget three = budget_of("meter = { flow_table_size = 60000; n_meters = 3; };" LIVE OUTPUT);
    assert_int_equal(item(&three, "capture_rings"), 3 * item(&one, "capture_rings"));
    assert_int_equal(item(&three, "ndpi_modules"), 3 * item(&one, "ndpi_modules"));
    assert_int_equal(item(&three, "handover_rings"), 3 * PLAN_OUTBOX_BYTES);
    assert_int_equal(item(&three, "ndpi_buffers"), item(&one, "ndpi_buffers"));
    /* Each table is rounded up, by less than itself. */
    assert_in_range(item(&three, "flow_tables"), item(&one, "flow_tables") - 3 * MIB,
                    item(&one, "flow_tables") + 3 * MIB);
}

static void what_is_off_takes_nothing(void **state) {
    (void)state;
    struct budget all = budget_of(LIVE OUTPUT);
    struct budget none = budget_of(
        "meter = { n_dissections = 0; splt_analysis = 0; statistical_analysis = false; };" LIVE OUTPUT);
    assert_int_equal(item(&none, "ndpi_modules") + item(&none, "ndpi_states") + item(&none, "ndpi_buffers") +
                         item(&none, "ndpi_texts"),
                     0);
    assert_true(item(&none, "flow_tables") < item(&all, "flow_tables") * 2 / 3);
    struct budget visible = budget_of("meter = { system_visibility_mode = 1; };" LIVE OUTPUT);
    assert_true(item(&visible, "system_visibility") > 0);
    assert_true(item(&visible, "flow_tables") > item(&all, "flow_tables"));
}

/* What the chart's figures have of nDPI 4.2, which its image has, for each meter and each undecided flow: as much of
 * another one. */
struct ndpi_figures {
    uint64_t meter, undecided;
};

static struct ndpi_figures ndpi_figures(void) {
    const struct ndpi_figures chart = {9 * MIB, 720 + 2064};
    struct budget budget = budget_of("meter = { flow_table_size = 65536; };" LIVE OUTPUT);
    struct ndpi_figures here = {
        item(&budget, "ndpi_modules"),
        (item(&budget, "ndpi_states") + item(&budget, "ndpi_buffers")) / (65536 / 8),
    };
    bool debian = strncmp(dissector_library_version(), "4.2.", 4) == 0;
    assert_true(!debian || (here.meter <= chart.meter && here.undecided <= chart.undecided));
    return (struct ndpi_figures){
        here.meter > chart.meter ? here.meter : chart.meter,
        here.undecided > chart.undecided ? here.undecided : chart.undecided,
    };
}

/* The formula of the Helm chart, sensor/README.md: with all features it is above what the rooms say, and not by much. */
static void the_formula_for_the_chart_holds(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t flows, meters, undecided; /* 0: an eighth */
    } cases[] = {
        {"meter = { flow_table_size = 1024; };", 1024, 1, 0},
        {"meter = { flow_table_size = 24576; };", 24576, 1, 0},
        {"meter = { flow_table_size = 24577; };", 24577, 1, 0},
        {"meter = { flow_table_size = 131072; n_meters = 4; };", 131072, 4, 0},
        {"", 262144, 1, 0},
        {"meter = { dissection_flows = 200000; };", 262144, 1, 200000},
        {"meter = { flow_table_size = 4000000; n_meters = 3; };", 4000000, 3, 0},
    };
    struct ndpi_figures ndpi = ndpi_figures();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s%s%s", cases[i].text, LIVE, SPOOL, KAFKA(BROKER));
        struct budget budget = budget_of(text);
        uint64_t meters = cases[i].meters;
        uint64_t undecided = cases[i].undecided > 0 ? cases[i].undecided : cases[i].flows / 8;
        uint64_t formula = 36 * MIB +
                           meters * (MIB + ndpi.meter + 8 * MIB + 2 * MIB + (meters > 1 ? 8 * MIB : 0)) +
                           cases[i].flows * (816 + 48) + undecided * ndpi.undecided + 13 * MIB +
                           UINT64_C(16384) * 48 / 10 * 1024;
        assert_in_range(budget.total, formula * 9 / 10, formula);
    }
}

/* A record and its copy, and for each what librdkafka (1024) and the output (104) have beside it. */
static uint64_t window(uint64_t bytes, uint64_t messages) {
    return 12 * MIB + 2 * bytes + messages * (1024 + 104);
}

static void the_window_of_a_kafka_output_is_as_configured(void **state) {
    (void)state;
    const uint64_t memory = 48 * MIB; /* spool.memory_size */
    struct budget initial = budget_of(LIVE KAFKA(BROKER));
    struct budget small = budget_of(LIVE KAFKA(BROKER ", \"queue.buffering.max.kbytes=1024\""));
    struct budget many = budget_of(
        LIVE KAFKA(BROKER ", \"queue.buffering.max.kbytes=1024\", \"queue.buffering.max.messages=100000\""));
    assert_int_equal(item(&initial, "outputs"), window(16 * MIB, 16 * MIB / 640) + memory);
    assert_int_equal(item(&small, "outputs"), window(MIB, MIB / 640) + memory);
    assert_int_equal(item(&many, "outputs"), window(MIB, 100000) + memory);
    /* More messages than librdkafka can count are as many as it can. */
    struct budget huge = budget_of(LIVE KAFKA(BROKER ", \"queue.buffering.max.kbytes=2147483647\""));
    assert_int_equal(item(&huge, "outputs"), window(2147483647 * 1024ull, 2147483647) + memory);
}

/* One on disk takes its buffers, whatever its size; one in memory takes its size. */
static void a_spool_takes_memory_where_it_has_no_folder(void **state) {
    (void)state;
    struct budget disk = budget_of(LIVE SPOOL KAFKA(BROKER));
    struct budget large =
        budget_of(LIVE "spool = { directory = \"/nowhere\"; size = \"100GiB\"; };" KAFKA(BROKER));
    struct budget memory = budget_of(LIVE "spool = { memory_size = \"100MiB\"; };" KAFKA(BROKER));
    assert_int_equal(item(&disk, "outputs"), window(16 * MIB, 16 * MIB / 640) + 16 * MIB + MIB);
    assert_int_equal(item(&large, "outputs"), item(&disk, "outputs"));
    assert_int_equal(item(&memory, "outputs"), window(16 * MIB, 16 * MIB / 640) + 100 * MIB);
}

static void what_can_not_run_has_no_budget(void **state) {
    (void)state;
    refuse("capture = { files = [ \"x.pcap\" ]; };" OUTPUT, EX_USAGE, "give an interface with -i");
    refuse(LIVE KAFKA("\"queue.buffering.max.kbytes=1024\""), EX_CONFIG, "no broker");
    refuse(LIVE KAFKA(BROKER ", \"queue.buffering.max.kbytes=much\""), EX_CONFIG,
           "queue.buffering.max.kbytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_total_is_the_sum_of_its_items),
        cmocka_unit_test(each_meter_has_its_own_and_its_part_of_the_table),
        cmocka_unit_test(what_is_off_takes_nothing),
        cmocka_unit_test(the_formula_for_the_chart_holds),
        cmocka_unit_test(the_window_of_a_kafka_output_is_as_configured),
        cmocka_unit_test(a_spool_takes_memory_where_it_has_no_folder),
        cmocka_unit_test(what_can_not_run_has_no_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
