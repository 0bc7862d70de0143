#include "app/config_text.h"

/* The configuration must pass, or fail with this line. */
static void check(const char *text, int exit_code, const char *expected) {
    struct config config;
    struct error error = {0};
    load_well(&config, text);
    int result = config_check(&config, &error);
    if (!expected && result < 0)
        fail_msg("%s", error.text);
    if (expected) {
        assert_true(result < 0);
        assert_line(&error, exit_code, expected);
    }
    config_release(&config);
}

#define FILES "capture = { files = [ \"a.pcap\" ]; };\n"

static void there_is_one_source(void **state) {
    (void)state;
    check("", EX_USAGE, "nothing to read");
    check("capture = { files = [ \"a\" ]; interfaces = [ \"lo\" ]; };", EX_USAGE,
          "both files (-r) and an interface (-i)");
    check("capture = { files = [ \"-\", \"a\", \"-\" ]; };", EX_USAGE, "standard input is given twice");
    check("capture = { files = [ \"-\", \"a\" ]; };", 0, NULL);
    check("capture = { interfaces = [ \"auto\" ]; };", 0, NULL);
}

static void an_output_has_one_place(void **state) {
    (void)state;
    check(FILES "outputs = ( { name = \"x\"; } );", EX_CONFIG, "output 0: no sink");
    check(FILES "outputs = ( { sink = \"null\"; }, { sink = \"file\"; } );", EX_CONFIG,
          "output 1: sink \"file\" needs a path");
    check(FILES "outputs = ( { sink = \"kafka\"; path = \"x\"; } );", EX_CONFIG,
          "output 0: sink \"kafka\" needs a topic");
    check(FILES "outputs = ( { topic = \"t\"; path = \"x\"; } );", EX_CONFIG, "both topic and path");
    check(FILES "outputs = ( { topic = \"t\"; }, { path = \"x\"; }, { sink = \"null\"; } );", 0, NULL);
}

static void a_ring_of_files_needs_a_reason_to_rotate(void **state) {
    (void)state;
    check(FILES "outputs = ( { path = \"x\"; rotate_files = 3; } );", EX_CONFIG, "output 0: rotate_files");
    check(FILES "outputs = ( { path = \"x\"; rotate_files = 3; rotate_flows = 5; } );", 0, NULL);
    check(FILES "outputs = ( { path = \"x\"; rotate_files = 3; rotate_size = \"1MiB\"; } );", 0, NULL);
}

static void framing_confluent_needs_a_registry(void **state) {
    (void)state;
    check(FILES "outputs = ( { topic = \"t\"; framing = \"confluent\"; } );", EX_CONFIG,
          "needs registry.url");
    check(FILES
          "registry = { url = \"http://r\"; }; outputs = ( { topic = \"t\"; framing = \"confluent\"; } );",
          0, NULL);
    check(FILES "outputs = ( { topic = \"t\"; framing = \"confluent\"; schema_id = 7; } );", 0, NULL);
    check(FILES "outputs = ( { path = \"x\"; schema_id = 7; } );", EX_CONFIG, "output 0: schema_id is given");
    check(FILES "outputs = ( { path = \"x\"; framing = \"none\"; } );", EX_CONFIG,
          "output 0: framing is given, and means nothing without topic");
}

static void two_outputs_share_neither_place_nor_name(void **state) {
    (void)state;
    check(FILES "outputs = ( { topic = \"t\"; name = \"a\"; }, { topic = \"t\"; name = \"b\"; } );",
          EX_CONFIG, "two outputs write to topic \"t\"");
    check(FILES "outputs = ( { path = \"t\"; }, { sink = \"null\"; }, { path = \"t\"; } );", EX_CONFIG,
          "two outputs write to path \"t\"");
    check(FILES "outputs = ( { topic = \"t\"; }, { path = \"t\"; } );", 0, NULL);
    check(FILES "outputs = ( { topic = \"t\"; name = \"a\"; }, { path = \"x\"; name = \"a\"; } );", EX_CONFIG,
          "two outputs are named \"a\"");
    /* The names that outputs get by default count too. */
    check(FILES "outputs = ( { path = \"x\"; }, { path = \"y\"; } );", EX_CONFIG,
          "two outputs are named \"file\"");
    check(FILES "outputs = ( { topic = \"t\"; }, { path = \"x\"; name = \"t\"; } );", EX_CONFIG,
          "two outputs are named \"t\"");
    check(FILES "outputs = ( { path = \"x\"; }, { path = \"y\"; name = \"second\"; } );", 0, NULL);
}

static void a_capture_is_not_overwritten(void **state) {
    (void)state;
    char *path = text_file("x", 1);
    char text[256], other[64];
    snprintf(text, sizeof text, "capture = { files = [ \"%s\" ]; }; outputs = ( { path = \"%s\"; } );", path,
             path);
    check(text, EX_CONFIG, "would overwrite the capture");
    snprintf(other, sizeof other, "%s-link", path);
    assert_int_equal(symlink(path, other), 0);
    snprintf(text, sizeof text, "capture = { files = [ \"%s\" ]; }; outputs = ( { path = \"%s\"; } );", path,
             other);
    check(text, EX_CONFIG, "would overwrite the capture");
    unlink(other);
    unlink(path);
    free(path);
    check("capture = { files = [ \"-\" ]; }; outputs = ( { path = \"-\"; } );", 0, NULL);
}

static void reports_are_a_second_apart(void **state) {
    (void)state;
    check(FILES "performance_report = \"999ms\";", EX_CONFIG, "performance_report is less than 1s");
    check(FILES "performance_report = \"1s\";", 0, NULL);
    check(FILES "performance_report = \"0\";", 0, NULL);
    check(FILES "heartbeat_interval = \"999ms\";", EX_CONFIG, "heartbeat_interval is less than 1s");
    check(FILES "heartbeat_interval = \"1s\";", 0, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_one_source),
        cmocka_unit_test(an_output_has_one_place),
        cmocka_unit_test(a_ring_of_files_needs_a_reason_to_rotate),
        cmocka_unit_test(framing_confluent_needs_a_registry),
        cmocka_unit_test(two_outputs_share_neither_place_nor_name),
        cmocka_unit_test(a_capture_is_not_overwritten),
        cmocka_unit_test(reports_are_a_second_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
