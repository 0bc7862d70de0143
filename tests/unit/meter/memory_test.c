/* No memory for something of a meter: the opening fails with its line, and leaves nothing. */
#include "meter/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "faults.h"
#include "meter/udps.h"

static int load_counters(void) {
    static const char *const packets[] = {"syns=tcp[13] = 2", "queries = udp port 53"};
    static const char *const bytes[] = {"big=greater 1000"};
    const struct udps_options options = {.packets = {packets, 2}, .bytes = {bytes, 1}};
    struct udps *udps = NULL;
    struct udps_instance *instance = NULL;
    struct error error = {0};
    int result = udps_load(&options, &udps, &error);
    if (result == 0)
        result = udps_instance_create(udps, 1000000, &instance, &error);
    udps_instance_destroy(instance);
    udps_free(udps);
    /* libpcap words its own want of memory as a fault of the expression. */
    assert_true(result == 0 || (error.exit_code != 0 && error.text[0] != '\0'));
    return result;
}

static void counters(void **state) {
    (void)state;
    each_allocation_fails(load_counters);
}

static bool take(void *context, const struct flow *flow) {
    (void)context, (void)flow;
    return true;
}

static int create_meter(void) {
    const struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = 1000000,
        .active_timeout = 1000000,
        .flow_table_size = 1024,
        .statistical_analysis = true,
        .splt_analysis = 10,
    };
    struct meter *meter = NULL;
    struct error error = {0};
    int result = meter_create(&options, take, NULL, &meter, &error);
    meter_destroy(meter);
    assert_true(result == 0 || (error.exit_code == EX_OSERR && strstr(error.text, "memory")));
    return result;
}

static void meters(void **state) {
    (void)state;
    each_allocation_fails(create_meter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters),
        cmocka_unit_test(meters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
