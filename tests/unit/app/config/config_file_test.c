#include <sys/stat.h>

#include "app/config_text.h"
#include "scratch.h"

static void every_kind_of_value_is_read(void **state) {
    (void)state;
    struct config config;
    setenv("FS_TOPIC", "flows", 1);
    load_well(&config,
              "profile = \"nfstream\";\n"
              "capture = { files = [ \"a.pcap\", \"b.pcap\" ]; promiscuous_mode = false; };\n"
              "meter : { idle_timeout = \"5s\"; splt_analysis = 0x10; statistical_analysis = true; };\n"
              "outputs = ( { topic = \"${FS_TOPIC}\"; kafka = ( \"a=1\" ); rotate_flows = 5000000000L; },\n"
              "            { path = \"x.csv\"; } );\n");
    assert_string_equal(config.profile, "nfstream");
    assert_int_equal(config.capture.files.count, 2);
    assert_string_equal(config.capture.files.items[1], "b.pcap");
    assert_false(config.capture.promiscuous_mode);
    assert_int_equal(config.meter.idle_timeout, 5000000);
    assert_int_equal(config.meter.active_timeout, INT64_C(1800000000));
    assert_int_equal(config.meter.splt_analysis, 16);
    assert_true(config.meter.n_dissections == OPTION_UNSET);
    assert_int_equal(config.meter.statistical_analysis, SWITCH_ON);
    assert_int_equal(config.meter.decode_tunnels, SWITCH_UNSET);
    assert_int_equal(config.output_count, 2);
    assert_string_equal(config.outputs[0].topic, "flows");
    assert_string_equal(config.outputs[0].kafka.items[0], "a=1");
    assert_true(config.outputs[0].rotate_flows == INT64_C(5000000000));
    assert_string_equal(config.outputs[1].path, "x.csv");
    assert_string_equal(config.outputs[1].codec, "deflate");
    config_release(&config);
}

static void nothing_is_the_defaults(void **state) {
    (void)state;
    struct config config;
    load_well(&config, "");
    assert_string_equal(config.profile, "native");
    assert_int_equal(config.output_count, 0);
    config_release(&config);
    load_well(&config, "outputs = ();\nmeter = {};\n");
    assert_int_equal(config.output_count, 0);
    config_release(&config);
}

static void values_may_be_spelt_otherwise(void **state) {
    (void)state;
    struct config config;
    load_well(&config,
              "profile = \"NFStream\";\n"
              "capture = { promiscuous_mode = \"off\"; exclude_self = 0; socket_buffer_size = \"8 M\"; };\n"
              "meter = { idle_timeout = \"1.5 sec\"; splt_analysis = \"20\"; statistical_analysis = 1; };\n");
    assert_string_equal(config.profile, "nfstream");
    assert_false(config.capture.promiscuous_mode);
    assert_false(config.capture.exclude_self);
    assert_int_equal(config.capture.socket_buffer_size, 8 << 20);
    assert_int_equal(config.meter.idle_timeout, 1500000);
    assert_int_equal(config.meter.splt_analysis, 20);
    assert_int_equal(config.meter.statistical_analysis, SWITCH_ON);
    config_release(&config);
}

static void an_unknown_option_has_its_line_and_the_nearest_name(void **state) {
    (void)state;
    refuse_text("\nmeter = {\n  idle_timout = \"5s\";\n};",
                "CONF:3: unknown option \"meter.idle_timout\"; did you mean \"meter.idle_timeout\"?");
    refuse_text("metre = { idle_timeout = \"5s\"; };",
                "CONF:1: unknown option \"metre.idle_timeout\"; did you mean \"meter.idle");
    refuse_text("proffile = \"native\";", "did you mean \"profile\"?");
    refuse_text("outputs = ( { topik = \"x\"; } );", "did you mean \"outputs.topic\"?");
    refuse_text("zzzzzzz = 1;", "CONF:1: unknown option \"zzzzzzz\"; the reference page");
    refuse_text("zzzzzzz = {};", "unknown option \"zzzzzzz\"");
}

static void a_wrong_type_has_its_line_and_the_right_one(void **state) {
    (void)state;
    refuse_text("meter = {\n  idle_timeout = 5;\n};",
                "CONF:2: meter.idle_timeout: 5 has no unit; write it with one, in quotes, such as \"5s\"");
    refuse_text("meter = { idle_timeout = 0.5; };",
                "0.5 has no unit; write it with one, in quotes, such as \"0.5s\"");
    refuse_text("capture = { socket_buffer_size = 4096; };",
                "4096 is not in quotes; write \"4096\" for bytes, or a size with a unit");
    refuse_text("meter = { idle_timeout = true; };", "wrong type, expected a duration in quotes");
    refuse_text("profile = 5;", "wrong type, expected one of the choices");
    refuse_text("meter = { splt_analysis = 2.5; };", "expected an integer");
    refuse_text("capture = { promiscuous_mode = 7; };", "expected true or false");
    refuse_text("capture = { files = \"a.pcap\"; };", "expected a list of strings such as");
    refuse_text("capture = { files = [ 1 ]; };", "capture.files: wrong type");
    refuse_text("capture = [ 1 ];", "capture: wrong type, expected a group");
    refuse_text("profile = { a = 1; };", "profile: wrong type, expected one of the choices");
    refuse_text("outputs = { topic = \"x\"; };", "outputs: wrong type, expected a list of groups");
    refuse_text("outputs = ( \"x\" );", "outputs: wrong type, expected a group");
}

static void a_wrong_value_has_its_line_and_the_reason(void **state) {
    (void)state;
    refuse_text("\n\nmeter = { idle_timeout = \"5 x\"; };",
                "CONF:3: meter.idle_timeout: \"5 x\": \"x\" is no unit of a duration; write it as 5s");
    refuse_text("meter = { accounting_mode = 4; };", "\"4\" is out of range; allowed are 0 to 3");
    refuse_text("profile = \"native2\";", "\"native2\" is not one of native|nfstream");
    unsetenv("FS_NONE");
    refuse_text("capture = {\n bpf_filter = \"${FS_NONE}\"; };",
                "CONF:2: capture.bpf_filter: ${FS_NONE}: the environment");
    refuse_text("capture = { files = [ \"${FS_NONE}\" ]; };", "capture.files: ${FS_NONE}");
}

static void a_syntax_error_has_its_line(void **state) {
    (void)state;
    refuse_text("profile = \"native\";\nmeter = {\n  idle_timeout = 64MiB;\n};", "CONF:3: syntax error");
    refuse_text("profile = \"native", ": syntax error; strings, sizes and durations are quoted");
    refuse_text("profile = \"native\";\nprofile = \"native\";", "CONF:2: duplicate setting name");
}

static void a_nul_byte_is_no_text(void **state) {
    (void)state;
    static const char text[] = "profile = \"native\\0\";\nmeter = { };\n";
    struct config config;
    struct error error = {0};
    char bytes[sizeof text];
    memcpy(bytes, text, sizeof text);
    bytes[18] = '\0';
    char *path = text_file(bytes, sizeof bytes - 1);
    config_defaults(&config);
    assert_true(config_load(&config, path, &error) < 0);
    assert_line(&error, EX_CONFIG, "has a NUL byte after 18 bytes");
    config_release(&config);
    char line[128];
    snprintf(line, sizeof line, "identity = { sensor_id = \"${file:%s}\"; };", path);
    refuse_text(line, "has a NUL byte, so it is no text");
    unlink(path);
    free(path);
}

static void an_included_files_errors_have_its_name(void **state) {
    (void)state;
    char *path = text_file("\nmeter = { nothing = 1; };\n", 26);
    char text[128], expected[128];
    snprintf(text, sizeof text, "@include \"%s\"\n", path);
    snprintf(expected, sizeof expected, "%s:2: unknown option \"meter.nothing\"", path);
    refuse_text(text, expected);
    unlink(path);
    free(path);
}

/* libconfig by itself would end the process, wait for ever, or for minutes. */
static void what_is_included_is_a_file_of_text(void **state) {
    (void)state;
    static char large[(1 << 20) + 1];
    char folder[SCRATCH_SIZE], text[256], again[256];
    assert_non_null(scratch_make(folder));
    refuse_text("\n \t@include \t\"/tmp\"\n", "CONF:2: @include \"/tmp\": is no regular file");
    refuse_text("@include \"/tm\\p\"\n", "is no regular file"); /* libconfig leaves the backslash out */
    snprintf(text, sizeof text, "%s/pipe", folder);
    assert_int_equal(mkfifo(text, 0600), 0);
    snprintf(text, sizeof text, "@include \"%s/pipe\"", folder);
    refuse_text(text, "is no regular file");
    memset(large, '\n', sizeof large);
    char *path = text_file(large, sizeof large);
    snprintf(text, sizeof text, "profile = \"native\";\n@include \"%s\"\n", path);
    refuse_text(text, "CONF:2");
    refuse_text(text, "the included files have more than 1 MiB");
    unlink(path);
    free(path);
    path = text_file("a = \0;", 7);
    snprintf(text, sizeof text, "@include \"%s\"\n", path);
    refuse_text(text, "has a NUL byte");
    /* One that includes itself, again and again: 20 times within each of 10. */
    FILE *stream = fopen(path, "w");
    for (int i = 0; i < 20; i++)
        fprintf(stream, "@include \"%s\"\n", path);
    fclose(stream);
    refuse_text(text, "the included files have more than 1 MiB");
    /* What is no line of its own is none. */
    snprintf(again, sizeof again, "profile = \"native\"; # @include \"%s\"\n", path);
    struct config config;
    load_well(&config, again);
    config_release(&config);
    unlink(path);
    free(path);
    assert_int_equal(scratch_remove(folder), 0);
}

/* A configuration of `count` outputs; malloc'd. */
static char *text_of_outputs(int count) {
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    fputs("outputs = ( { path = \"0\"; }", stream);
    for (int i = 1; i < count; i++)
        fprintf(stream, ", { path = \"%d\"; }", i);
    fputs(");", stream);
    fclose(stream);
    return text;
}

static void there_are_at_most_16_outputs(void **state) {
    (void)state;
    struct config config;
    char *most = text_of_outputs(CONFIG_OUTPUTS_MAX), *more = text_of_outputs(CONFIG_OUTPUTS_MAX + 1);
    load_well(&config, most);
    assert_int_equal(config.output_count, CONFIG_OUTPUTS_MAX);
    config_release(&config);
    refuse_text(more, "there are more than 16 outputs");
    free(most);
    free(more);
}

static void what_cannot_be_read_is_no_input(void **state) {
    (void)state;
    struct config config;
    struct error error = {0};
    config_defaults(&config);
    assert_true(config_load(&config, "/tmp/flowsensor-none.conf", &error) < 0);
    assert_line(&error, EX_NOINPUT, "/tmp/flowsensor-none.conf: No such file or directory");
    /* libconfig by itself would end the process here. */
    assert_true(config_load(&config, "/tmp", &error) < 0);
    assert_line(&error, EX_NOINPUT, "/tmp: Is a directory");
    config_release(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(nothing_is_the_defaults),
        cmocka_unit_test(values_may_be_spelt_otherwise),
        cmocka_unit_test(an_unknown_option_has_its_line_and_the_nearest_name),
        cmocka_unit_test(a_wrong_type_has_its_line_and_the_right_one),
        cmocka_unit_test(a_wrong_value_has_its_line_and_the_reason),
        cmocka_unit_test(a_syntax_error_has_its_line),
        cmocka_unit_test(a_nul_byte_is_no_text),
        cmocka_unit_test(an_included_files_errors_have_its_name),
        cmocka_unit_test(what_is_included_is_a_file_of_text),
        cmocka_unit_test(there_are_at_most_16_outputs),
        cmocka_unit_test(what_cannot_be_read_is_no_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
