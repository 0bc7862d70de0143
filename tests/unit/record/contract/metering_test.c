/* metering_hash changes with everything that changes how a value is metered, and with nothing else. */
#include "record/contract/metering.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/example_flow.h"

static struct example example;

static int set_up(void **state) {
    (void)state;
    example_init(&example, PROFILE_NATIVE);
    example.identity.splt_analysis = 20;
    example.identity.n_dissections = 20;
    return 0;
}

static void text_is_sorted_lines(void **state) {
    (void)state;
    char *text = metering_text(&example.identity);
    assert_string_equal(text, "accounting_mode=raw\n"
                              "active_timeout_us=1800000000\n"
                              "decode_tunnels=on\n"
                              "fragments=all\n"
                              "idle_timeout_us=120000000\n"
                              "metering_version=1\n"
                              "n_dissections=20\n"
                              "profile=native\n"
                              "splt_analysis=20\n"
                              "tcp_end=off\n"
                              "tunnel_key=all\n"
                              "tunnel_ports=vxlan=4789,8472\n");
    free(text);
}

#define CHANGE(field, new, changes)                            \
    do {                                                       \
        struct example kept = example;                         \
        char *before = metering_text(&example.identity);       \
        example.field = new;                                   \
        char *after = metering_text(&example.identity);        \
        assert_int_equal(strcmp(before, after) != 0, changes); \
        example = kept;                                        \
        free(before);                                          \
        free(after);                                           \
    } while (0)

static void metering_changes_it(void **state) {
    (void)state;
    CHANGE(meter.profile, PROFILE_NFSTREAM, true);
    CHANGE(meter.idle_timeout, 1, true);
    CHANGE(meter.active_timeout, 1, true);
    CHANGE(meter.udp_answered_timeout, 1, true);
    CHANGE(meter.tcp_end, true, true);
    CHANGE(meter.accounting_mode, ACCOUNT_PAYLOAD, true);
    CHANGE(meter.splt_packets, SPLT_PAYLOAD, true);
    CHANGE(meter.splt_packets, SPLT_PAYLOAD_NEW, true);
    CHANGE(identity.decode_tunnels, false, true);
    CHANGE(identity.tunnel_keys, "symmetric", true);
    CHANGE(identity.tunnel_ports, "vxlan=4789", true);
    CHANGE(identity.splt_analysis, 10, true);
    CHANGE(identity.n_dissections, 10, true);
}

/* What the lists of fields ask the meter for, what a node has, and what the record says itself. */
static void nothing_else_changes_it(void **state) {
    (void)state;
    CHANGE(meter.splt_analysis, 0, false);
    CHANGE(meter.splt_more, true, false);
    CHANGE(meter.n_dissections, 0, false);
    CHANGE(meter.statistical_analysis, false, false);
    CHANGE(meter.features_asked, UINT32_MAX, false);
    CHANGE(meter.flow_table_size, 4096, false);
    CHANGE(meter.dissection_flows, 512, false);
    CHANGE(meter.preallocate, true, false);
    CHANGE(meter.overload.count, 1, false);
    CHANGE(identity.ndpi_version, "5.0.0", false);
    CHANGE(identity.system_visibility, true, false);
    CHANGE(identity.key.word[0], 77, false);
    CHANGE(identity.conn_key.word[0], 77, false);
    CHANGE(identity.sensor_id[0], 'x', false);
}

/* In both profiles: milliseconds are told as microseconds. */
static void the_profile_has_its_own_units(void **state) {
    (void)state;
    struct example kept = example;
    example.meter.profile = PROFILE_NFSTREAM;
    example.meter.idle_timeout = 120000;
    char *text = metering_text(&example.identity);
    assert_non_null(strstr(text, "idle_timeout_us=120000000\n"));
    assert_null(strstr(text, "tcp_end"));
    assert_null(strstr(text, "tunnel_key"));
    free(text);
    example = kept;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_sorted_lines),
        cmocka_unit_test(metering_changes_it),
        cmocka_unit_test(nothing_else_changes_it),
        cmocka_unit_test(the_profile_has_its_own_units),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
