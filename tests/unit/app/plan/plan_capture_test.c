/* How live packets are collected, by the configuration. */
#include "app/plan/plan.h"

#include "app/config_text.h"

#define OUTPUT         "outputs = ( { sink = \"null\"; } );\n"
#define LIVE(settings) "capture = { interfaces = [ \"lo\" ]; " settings " };"

static uint32_t block_milliseconds(const char *text) {
    struct config config;
    struct plan plan;
    struct error error = {0};
    load_well(&config, text);
    if (plan_make(&config, PLAN_SCHEMAS_AS_NAMED, &plan, &error) < 0)
        fail_msg("%s", error.text);
    uint32_t milliseconds = plan.capture.block_milliseconds;
    plan_release(&plan);
    config_release(&config);
    return milliseconds;
}

/* Sockets are looked for once a packet is there, so that must be soon. */
static void blocks_are_short_where_sockets_are_looked_for(void **state) {
    (void)state;
    static const char visible[] = "meter = { system_visibility_mode = 1; };"
                                  "outputs = ( { sink = \"null\"; schema = \"flow/v2\"; } );\n";
    char text[512];
    assert_int_equal(block_milliseconds(LIVE("") OUTPUT), 100);
    snprintf(text, sizeof text, "%s%s", LIVE(""), visible);
    assert_int_equal(block_milliseconds(text), 10);
    snprintf(text, sizeof text, "%s%s", LIVE("block_timeout = \"50ms\";"), visible);
    assert_int_equal(block_milliseconds(text), 50);
}

static void part_of_a_millisecond_is_a_whole_one(void **state) {
    (void)state;
    assert_int_equal(block_milliseconds(LIVE("block_timeout = \"10ms\";") OUTPUT), 10);
    assert_int_equal(block_milliseconds(LIVE("block_timeout = \"1ms\";") OUTPUT), 1);
    assert_int_equal(block_milliseconds(LIVE("block_timeout = \"1100us\";") OUTPUT), 2);
    assert_int_equal(block_milliseconds(LIVE("block_timeout = \"1s\";") OUTPUT), 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_short_where_sockets_are_looked_for),
        cmocka_unit_test(part_of_a_millisecond_is_a_whole_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
