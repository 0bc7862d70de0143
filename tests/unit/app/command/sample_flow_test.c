#include "app/command/sample_flow.h"

#include <arpa/inet.h>

#include "app/config_text.h"

struct seen {
    unsigned flows;
    struct flow flow;
};

static bool take(void *context, const struct flow *flow) {
    struct seen *seen = context;
    seen->flow = *flow;
    seen->flows++;
    return true;
}

static struct seen meter_with(const char *text) {
    struct config config;
    struct plan plan;
    struct error error = {0};
    struct seen seen = {0};
    load_well(&config, text);
    int result = plan_make(&config, PLAN_SCHEMAS_AS_NAMED, &plan, &error);
    if (result == 0)
        result = sample_flow_meter(&plan, take, &seen, &error);
    if (result < 0)
        fail_msg("%s", error.text);
    plan_release(&plan);
    config_release(&config);
    return seen;
}

static void one_flow_of_addresses_for_documentation(void **state) {
    (void)state;
    static const char *const texts[] = {
        "outputs = ( { sink = \"null\"; } );",
        "profile = \"nfstream\"; outputs = ( { sink = \"null\"; } );",
        /* What a live run of a large machine has. */
        "capture = { interfaces = [ \"lo\" ]; }; meter = { n_meters = 4; flow_table_size = 16777216; "
        "system_visibility_mode = 1; }; outputs = ( { sink = \"null\"; } );",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char source[INET_ADDRSTRLEN], destination[INET_ADDRSTRLEN];
        struct seen seen = meter_with(texts[i]);
        const struct flow *flow = &seen.flow;
        assert_int_equal(seen.flows, 1);
        assert_int_equal(flow_counters(flow, SRC2DST).packets, 3);
        assert_int_equal(flow_counters(flow, DST2SRC).packets, 2);
        assert_string_equal(inet_ntop(AF_INET, flow_source(flow), source, sizeof source), SAMPLE_FLOW_SOURCE);
        assert_string_equal(inet_ntop(AF_INET, flow_destination(flow), destination, sizeof destination),
                            "198.51.100.1");
        assert_int_equal(flow_source_port(flow), 40000);
        assert_int_equal(flow_destination_port(flow), 443);
        assert_int_equal(flow->key.protocol, 6);
        assert_int_equal(flow->seen_flags & PACKET_TRUNCATED, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_flow_of_addresses_for_documentation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
