/* The headers of Kafka records as the configuration names them. */
#include "app/plan/header_options.h"

#include "app/config_text.h"
#include "app/plan/plan.h"

#define LIST(list) "outputs = ( { topic = \"t\"; columns_to_anonymize = [ \"all=keep\" ]; " list " } );\n"

static int make(const char *text, struct config *config, unsigned *headers, struct error *error) {
    struct plan plan;
    load_well(config, text);
    int result = plan_make(config, PLAN_SCHEMAS_AS_NAMED, &plan, error);
    *headers = plan.outputs[0].headers;
    plan_release(&plan);
    return result;
}

static unsigned headers_of(const char *text) {
    struct config config;
    struct error error = {0};
    unsigned headers = 0;
    if (make(text, &config, &headers, &error) < 0)
        fail_msg("%s", error.text);
    config_release(&config);
    return headers;
}

static void refuse(const char *text, const char *expected) {
    struct config config;
    struct error error = {0};
    unsigned headers = 0;
    assert_true(make(text, &config, &headers, &error) < 0);
    assert_line(&error, EX_CONFIG, expected);
    config_release(&config);
}

/* Records of flow/v1 have all seven as fields, those of nfstream/v1 none. */
static void by_default_they_are_what_the_records_lack(void **state) {
    (void)state;
    enum { FOUND_BY = 1u << KAFKA_HEADER_boot_id | 1u << KAFKA_HEADER_seq };
    assert_int_equal(headers_of(LIST("")), FOUND_BY);
    assert_int_equal(headers_of("profile = \"nfstream\"; " LIST("")), KAFKA_HEADERS_ALL);
    assert_int_equal(headers_of(LIST("headers = [ \"auto\", \"sensor_id\", \"seq\" ];")),
                     FOUND_BY | 1u << KAFKA_HEADER_sensor_id);
}

static void the_list_takes_the_place_of_the_default(void **state) {
    (void)state;
    assert_int_equal(headers_of(LIST("headers = [ ];")), 0);
    assert_int_equal(headers_of(LIST("headers = [ \"record_kind\" ];")), 1u << KAFKA_HEADER_record_kind);
    assert_int_equal(headers_of(LIST("headers = [ \"seq\", \"sensor_id\" ];")),
                     1u << KAFKA_HEADER_seq | 1u << KAFKA_HEADER_sensor_id);
    assert_int_equal(headers_of(LIST("headers = [ \"sensor_id\", \"boot_id\", \"output\", \"feature_hash\", "
                                     "\"record_kind\", \"anon_key_id\", \"seq\" ];")),
                     KAFKA_HEADERS_ALL);
}

static void mistakes_are_refused(void **state) {
    (void)state;
    refuse(
        "outputs = ( { path = \"a\"; columns_to_anonymize = [ \"all=keep\" ]; headers = [ \"seq\" ]; } );\n",
        "output \"file\": headers means nothing without topic; take it off");
    refuse(LIST("headers = [ \"boot_id\", \"sensor\" ];"),
           "output \"t\": headers: there is no header \"sensor\"");
    refuse(
        LIST("headers = [ \"boot-id\" ];"),
        "output \"t\": headers: there is no header \"boot-id\" (did you mean \"boot_id\"?); headers are sensor_id, "
        "boot_id, output, feature_hash, record_kind, anon_key_id, seq and auto");
    refuse(LIST("headers = [ \"\" ];"), "there is no header \"\"; headers are sensor_id");
    refuse(LIST("headers = [ \"verify\" ];"), "there is no header \"verify\"; headers are sensor_id");
    refuse(LIST("headers = [ \"seq\", \"boot_id\", \"seq\" ];"),
           "output \"t\": headers: \"seq\" is given twice; a record carries it once, so name it once");
}

/* As --print-config shows the list, also an empty one, it is read again. */
static void the_list_is_printed(void **state) {
    (void)state;
    static const struct {
        const char *list, *printed;
    } cases[] = {
        {"", "        headers = [ \"auto\" ];\n"},
        {"headers = [ ];", "        headers = [ ];\n"},
        {"headers = [ \"seq\" ];", "        headers = [ \"seq\" ];\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        char text[256], *printed = NULL;
        size_t size = 0;
        snprintf(text, sizeof text, LIST("%s"), cases[i].list);
        load_well(&config, text);
        FILE *stream = open_memstream(&printed, &size);
        config_print(&config, stream);
        fclose(stream);
        if (!strstr(printed, cases[i].printed))
            fail_msg("\"%s\" is not in: %s", cases[i].printed, printed);
        free(printed);
        config_release(&config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_they_are_what_the_records_lack),
        cmocka_unit_test(the_list_takes_the_place_of_the_default),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(the_list_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
