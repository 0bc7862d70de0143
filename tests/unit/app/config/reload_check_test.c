/* Which changes a run takes, and that the others are named. */
#include <errno.h>

#include "app/config_text.h"

#define SOURCE "capture = { interfaces = [ \"lo\" ]; };"
#define OUTPUT "outputs = ( { topic = \"a\"; kafka = [ \"bootstrap.servers=b\" ]; } );"

static int check(const char *now, const char *next, struct error *error) {
    struct config one, other;
    load_well(&one, now);
    load_well(&other, next);
    int result = config_check_reload(&one, &other, error);
    config_release(&one);
    config_release(&other);
    return result;
}

static void reloadable_options_may_change(void **state) {
    (void)state;
    struct error error = {0};
    assert_int_equal(check(SOURCE OUTPUT, SOURCE OUTPUT, &error), 0);
    assert_int_equal(
        check(SOURCE OUTPUT,
              SOURCE OUTPUT "log = { level = \"debug\"; }; anonymization = { key_file = \"k\"; };", &error),
        0);
}

static void any_other_change_is_named(void **state) {
    (void)state;
    static const struct {
        const char *next, *says;
    } cases[] = {
        {SOURCE OUTPUT "meter = { n_meters = 2; };",
         "meter.n_meters has another value now, which needs a restart"},
        {SOURCE OUTPUT "log = { level = \"debug\"; format = \"json\"; };", "log.format has another value"},
        {OUTPUT "capture = { interfaces = [ \"lo\", \"eth0\" ]; };", "capture.interfaces has another value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        assert_int_equal(check(SOURCE OUTPUT, cases[i].next, &error), -EINVAL);
        assert_line(&error, EX_CONFIG, cases[i].says);
    }
}

static void another_value_of_an_output_is_named(void **state) {
    (void)state;
    static const struct {
        const char *source, *next, *says;
    } cases[] = {
        {SOURCE, "outputs = ( { topic = \"b\"; kafka = [ \"bootstrap.servers=b\" ]; } );",
         "outputs.0.topic has another value now, which needs a restart"},
        {SOURCE, "outputs = ( { topic = \"a\"; kafka = [ \"bootstrap.servers=c\" ]; } );",
         "outputs.0.kafka has another value now, which needs a restart"},
        {"capture = { files = [ \"a\" ]; };",
         "outputs = ( { topic = \"b\"; kafka = [ \"bootstrap.servers=b\" ]; } );",
         "outputs.0.topic has another value now, which needs a restart"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config one, other;
        struct error error = {0};
        load_well(&one, SOURCE OUTPUT);
        char text[512];
        snprintf(text, sizeof text, "%s%s", cases[i].source, cases[i].next);
        load_well(&other, text);
        assert_int_equal(config_check_same_output(&one.outputs[0], &one, 0, &error), 0);
        assert_int_equal(config_check_same_output(&one.outputs[0], &other, 0, &error), -EINVAL);
        assert_line(&error, EX_CONFIG, cases[i].says);
        config_release(&one);
        config_release(&other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reloadable_options_may_change),
        cmocka_unit_test(any_other_change_is_named),
        cmocka_unit_test(another_value_of_an_output_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
