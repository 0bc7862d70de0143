#include "app/config_text.h"

/* malloc'd. */
static char *print(const struct config *config) {
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    config_print(config, stream);
    fclose(stream);
    return text;
}

/* What is printed must load, and print the same again. */
static void survives_printing(struct config *config) {
    struct config again;
    char *first = print(config);
    load_well(&again, first);
    char *second = print(&again);
    assert_string_equal(first, second);
    config_release(&again);
    config_release(config);
    free(first);
    free(second);
}

static void set(struct config *config, const char *assignment) {
    struct error error = {0};
    if (config_set(config, assignment, "--set", &error) < 0)
        fail_msg("%s", error.text);
}

static void the_defaults_survive_printing(void **state) {
    (void)state;
    struct config config;
    config_defaults(&config);
    survives_printing(&config);
}

/* A value for each row that differs from its default, with what quoting could break in the strings. */
static void set_something(struct config *config, const struct option_row *row, const char *path,
                          unsigned turn) {
    static const char *const texts[] = {"plain",          "a \"quoted\" \\ path", "line\n\ttab\x01",
                                        "${VAR} $${x} $", "\xc3\xa4\x7f",         ""};
    static const char *const numbers[] = {"1024", "2048", "4096"};
    static const char *const sizes[] = {"0", "1500", "64MiB"};
    static const char *const durations[] = {"1ms", "1500us", "59m"};
    static const char *const booleans[] = {"true", "false"};
    char assignment[256], choice[64];
    const char *value = texts[turn % 6];
    if (row->type == OPTION_INTEGER)
        value = row->max < 2048 ? "1" : numbers[turn % 3];
    else if (row->type == OPTION_SIZE)
        value = row->min > 0 ? "64MiB" : sizes[turn % 3];
    else if (row->type == OPTION_DURATION)
        value = durations[turn % (row->max == 1000000 ? 2 : 3)];
    else if (row->type == OPTION_BOOLEAN || row->type == OPTION_SWITCH)
        value = booleans[turn % 2];
    else if (row->type == OPTION_CHOICE) {
        snprintf(choice, sizeof choice, "%.*s", (int)strcspn(row->choices, "|"), row->choices);
        value = choice;
    }
    snprintf(assignment, sizeof assignment, "%s=%s", path, value);
    set(config, assignment);
}

static void every_option_survives_printing(void **state) {
    (void)state;
    for (unsigned turn = 0; turn < 12; turn++) {
        struct config config;
        char path[128];
        config_defaults(&config);
        for (size_t i = 0; i < option_row_count; i++)
            set_something(&config, &option_rows[i], option_rows[i].path, turn + (unsigned)i);
        for (size_t i = 0; i < 2 * output_row_count; i++) {
            const struct option_row *row = &output_rows[i % output_row_count];
            snprintf(path, sizeof path, "outputs.%zu.%s", i / output_row_count, strchr(row->path, '.') + 1);
            set_something(&config, row, path, turn + (unsigned)i);
        }
        survives_printing(&config);
    }
}

static void large_integers_survive_printing(void **state) {
    (void)state;
    struct config config;
    config_defaults(&config);
    set(&config, "outputs.0.rotate_flows=5000000000");
    set(&config, "outputs.0.rotate_size=9223372036854775807");
    char *text = print(&config);
    assert_non_null(strstr(text, "rotate_flows = 5000000000L;"));
    free(text);
    survives_printing(&config);
}

static void lists_survive_printing(void **state) {
    (void)state;
    struct config config;
    config_defaults(&config);
    set(&config, "capture.files=a b.pcap,'\"c\".pcap',d\\,e.pcap");
    set(&config, "outputs.0.kafka=bootstrap.servers=a:1\\,b:2,linger.ms=5");
    char *text = print(&config);
    assert_non_null(strstr(text, "kafka = [ \"bootstrap.servers=a:1,b:2\", \"linger.ms=5\" ];"));
    free(text);
    survives_printing(&config);
}

/* Emptied, though it isn't by default. */
static void an_empty_list_survives_printing(void **state) {
    (void)state;
    struct config config;
    config_defaults(&config);
    set(&config, "overload.steps=");
    char *text = print(&config);
    assert_non_null(strstr(text, "steps = [ ];"));
    assert_null(strstr(text, "roles ="));
    free(text);
    survives_printing(&config);
}

static void secrets_are_masked(void **state) {
    (void)state;
    struct config config;
    config_defaults(&config);
    set(&config,
        "outputs.0.kafka=sasl.password=s3cret,ssl.key.password=s3cret,sasl.username=me,sasl.oauthbearer.config=s3cret");
    set(&config,
        "outputs.1.kafka=ssl.key.pem=s3cret,SASL.Password=s3cret,ssl.keystore.password=s3cret=s3cret");
    char *text = print(&config);
    assert_null(strstr(text, "s3cret"));
    assert_non_null(strstr(text, "\"sasl.password=********\""));
    assert_non_null(strstr(text, "\"sasl.username=me\""));
    free(text);
    survives_printing(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_survive_printing),   cmocka_unit_test(every_option_survives_printing),
        cmocka_unit_test(large_integers_survive_printing), cmocka_unit_test(lists_survive_printing),
        cmocka_unit_test(an_empty_list_survives_printing), cmocka_unit_test(secrets_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
