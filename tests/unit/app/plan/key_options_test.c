/* The key of Kafka records as the configuration names it. */
#include "app/plan/key_options.h"

#include "app/config_text.h"
#include "app/plan/plan.h"

#define KEYED(more) "outputs = ( { columns_to_anonymize = [ \"all=keep\" ]; " more " } );"

static int make(const char *text, struct config *config, enum message_key_kind *kind, struct error *error) {
    struct plan plan;
    load_well(config, text);
    int result = plan_make(config, PLAN_SCHEMAS_AS_NAMED, &plan, error);
    *kind = plan.outputs[0].message_key;
    plan_release(&plan);
    return result;
}

static void kinds_of_keys(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum message_key_kind kind;
    } cases[] = {
        {KEYED("topic = \"t\";"), MESSAGE_KEY_FLOW_UID},
        {KEYED("topic = \"t\"; key = \"src_ip\";"), MESSAGE_KEY_SRC_IP},
        {"profile = \"nfstream\";" KEYED("topic = \"t\"; key = \"ip_pair\";"), MESSAGE_KEY_IP_PAIR},
        {KEYED("path = \"f\"; key = \"flow_uid\";"), MESSAGE_KEY_FLOW_UID},
        {KEYED("topic = \"t\"; key = \"flow_uid\"; schema = \"sensor_stats/v1\";"), MESSAGE_KEY_FLOW_UID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        struct error error = {0};
        enum message_key_kind kind;
        if (make(cases[i].text, &config, &kind, &error) < 0)
            fail_msg("%s", error.text);
        assert_int_equal(kind, cases[i].kind);
        config_release(&config);
    }
}

static void refuse(const char *text, const char *expected) {
    struct config config;
    struct error error = {0};
    enum message_key_kind kind;
    assert_true(make(text, &config, &kind, &error) < 0);
    assert_line(&error, EX_CONFIG, expected);
    config_release(&config);
}

static void keys_that_no_record_has_are_refused(void **state) {
    (void)state;
    refuse(KEYED("path = \"f\"; key = \"src_ip\";"),
           "output \"file\": key \"src_ip\" means nothing without topic");
    refuse(KEYED("topic = \"t\"; key = \"src_ip\"; schema = \"sensor_stats/v1\";"),
           "key \"src_ip\" is for records of flows, and schema sensor_stats/v1 has others");
    refuse("outputs = ( { topic = \"t\"; key = \"ip_pair\"; columns_to_anonymize = [ \"all=drop\" ]; } );",
           "key \"ip_pair\" is made of src_ip, which columns_to_anonymize drops");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_keys),
        cmocka_unit_test(keys_that_no_record_has_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
