/* What the probes say of loops and outputs, and where the server listens. */
#include "app/monitor/probes.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/config/listen_address.h"
#include "app/host/signals.h"

#define SECOND INT64_C(1000000)

static const struct output_plan plans[] = {{.name = "flows"}, {.name = "stats"}};
static struct heartbeat captures[2], delivery;
static struct output_health outputs[2];
static const struct health health = {
    .captures = {&captures[0], &captures[1]},
    .capture_count = 2,
    .delivery = &delivery,
    .outputs = {&outputs[0], &outputs[1]},
    .output_count = 2,
};
static char *printed;
static size_t printed_size;
static FILE *stream;

static int make_healthy(void **state) {
    (void)state;
    memset(outputs, 0, sizeof outputs);
    for (size_t i = 0; i < 2; i++)
        atomic_store(&outputs[i].plan, &plans[i]);
    heartbeat_beat(&captures[0], 100 * SECOND);
    heartbeat_beat(&captures[1], 100 * SECOND);
    heartbeat_beat(&delivery, 100 * SECOND);
    return 0;
}

static void expect(bool good, bool wanted, const char *text) {
    fclose(stream);
    assert_string_equal(printed, text);
    assert_int_equal(good, wanted);
    free(printed);
}

static FILE *out(void) {
    stream = open_memstream(&printed, &printed_size);
    return stream;
}

static void a_loop_may_stand_still_for_ten_seconds(void **state) {
    (void)state;
    expect(probe_live(&health, STAGE_RUNNING, 110 * SECOND, out()), true,
           "capture 0 ok\ncapture 1 ok\ndelivery ok\n");
    heartbeat_beat(&captures[0], 105 * SECOND);
    heartbeat_beat(&delivery, 105 * SECOND);
    expect(probe_live(&health, STAGE_RUNNING, 1115 * SECOND / 10, out()), false,
           "capture 0 ok\ncapture 1: has not moved for 11.5 s\ndelivery ok\n");
    /* A loop that has ended, and one that has not begun. */
    heartbeat_end(&captures[1]);
    heartbeat_beat(&captures[0], 0);
    expect(probe_live(&health, STAGE_RUNNING, 111 * SECOND, out()), true,
           "capture 0 ok\ncapture 1 ok\ndelivery ok\n");
    heartbeat_beat(&delivery, SECOND);
    expect(probe_live(&health, STAGE_RUNNING, 111 * SECOND, out()), false,
           "capture 0 ok\ncapture 1 ok\ndelivery: has not moved for 110.0 s\n");
}

static void starting_and_stopping_are_alive_and_not_ready(void **state) {
    (void)state;
    expect(probe_live(NULL, STAGE_STARTING, 111 * SECOND, out()), true, "starting ok\n");
    expect(probe_ready(NULL, STAGE_STARTING, 111 * SECOND, out()), false, "capture: starting\n");
    expect(probe_started(STAGE_STARTING, out()), false, "start: not complete\n");
    expect(probe_started(STAGE_RUNNING, out()), true, "start ok\n");
    expect(probe_live(&health, STAGE_STOPPING, 999 * SECOND, out()), true, "stopping ok\n");
    expect(probe_ready(&health, STAGE_STOPPING, 101 * SECOND, out()), false,
           "capture: stopping\noutput flows ok\noutput stats ok\n");
}

static void an_output_says_what_it_has(void **state) {
    (void)state;
    const char *loops = "capture 0 ok\ncapture 1 ok\ndelivery ok\n";
    char text[256];
    snprintf(text, sizeof text, "%soutput flows ok\noutput stats ok\n", loops);
    expect(probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), true, text);
    atomic_store(&outputs[0].mismatch, true);
    atomic_store(&outputs[0].spooled, 3);
    loops = "capture 0 ok\ncapture 1 ok\ndelivery: degraded, records wait\n";
    snprintf(text, sizeof text,
             "%soutput flows: delivery degraded: schema mismatch, 3 records spooled\noutput stats ok\n",
             loops);
    expect(probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), true, text);
    atomic_store(&outputs[0].spooled, 0);
    atomic_store(&outputs[0].mismatch, false);
    atomic_store(&outputs[1].failed, true);
    loops = "capture 0 ok\ncapture 1 ok\ndelivery: degraded\n";
    snprintf(
        text, sizeof text,
        "%soutput flows ok\noutput stats: delivery degraded: failed, its records are counted as dropped\n",
        loops);
    expect(probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), true, text);
    /* A loop that hangs is one. */
    heartbeat_beat(&captures[1], 90 * SECOND);
    loops = "capture 0 ok\ncapture 1: has not moved for 11.0 s\ndelivery: degraded\n";
    snprintf(
        text, sizeof text,
        "%soutput flows ok\noutput stats: delivery degraded: failed, its records are counted as dropped\n",
        loops);
    expect(probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), false, text);
}

static void an_id_from_the_cache_is_told(void **state) {
    (void)state;
    atomic_store(&outputs[0].schema_cached, true);
    expect(probe_ready(&health, STAGE_STOPPING, 101 * SECOND, out()), false,
           "capture: stopping\noutput flows ok (schema id from the cache)\noutput stats ok\n");
    atomic_store(&outputs[0].waiting_since, 100 * SECOND);
    expect(
        probe_ready(&health, STAGE_STOPPING, 101 * SECOND, out()), false,
        "capture: stopping\noutput flows: delivery degraded: it has waited for the broker for 1.0 s, 0 records "
        "spooled (schema id from the cache)\noutput stats ok\n");
}

/* It stays ready: there is a spool, and no other sensor would do better. */
static void records_that_wait_are_told(void **state) {
    (void)state;
    atomic_store(&outputs[1].waiting_since, 70 * SECOND + SECOND / 2);
    atomic_store(&outputs[1].spooled, 12345);
    expect(
        probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), true,
        "capture 0 ok\ncapture 1 ok\ndelivery: degraded, records wait\noutput flows ok\n"
        "output stats: delivery degraded: it has waited for the broker for 30.5 s, 12345 records spooled\n");
    expect(probe_live(&health, STAGE_RUNNING, 101 * SECOND, out()), true,
           "capture 0 ok\ncapture 1 ok\ndelivery: degraded, records wait\n");
    static const struct output_plan of_file = {.name = "stats", .sink = &sink_file};
    atomic_store(&outputs[1].plan, &of_file);
    expect(probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), true,
           "capture 0 ok\ncapture 1 ok\ndelivery: degraded, records wait\noutput flows ok\n"
           "output stats: delivery degraded: it has waited for the disk for 30.5 s, 12345 records spooled\n");
    atomic_store(&outputs[1].plan, &plans[1]);
    /* One partition of several, or the broker is back and the spool is not empty yet. */
    atomic_store(&outputs[1].waiting_since, 0);
    expect(probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), true,
           "capture 0 ok\ncapture 1 ok\ndelivery: degraded, records wait\noutput flows ok\n"
           "output stats: delivery degraded: 12345 records spooled\n");
    atomic_store(&outputs[1].failed, true);
    expect(
        probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), true,
        "capture 0 ok\ncapture 1 ok\ndelivery: degraded, records wait\noutput flows ok\noutput stats: delivery "
        "degraded: failed, its records are counted as dropped\n");
}

static void addresses_are_literals_with_ports(void **state) {
    (void)state;
    struct listen_address address;
    struct error error;
    assert_int_equal(listen_address_parse("127.0.0.2:19995", &address, &error), 0);
    assert_int_equal(address.socket.ipv4.sin_family, AF_INET);
    assert_int_equal(ntohs(address.socket.ipv4.sin_port), 19995);
    assert_int_equal(ntohl(address.socket.ipv4.sin_addr.s_addr), 0x7f000002);
    assert_int_equal(listen_address_parse("[2001:db8::1]:0", &address, &error), 0);
    assert_int_equal(address.socket.ipv6.sin6_family, AF_INET6);
    assert_int_equal(address.socket.ipv6.sin6_addr.s6_addr[15], 1);
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        "127.0.0.1:",
        ":80",
        "localhost:80",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:8x",
        "2001:db8::1:80",
        "[127.0.0.1]:80",
        "[::1]",
        "[]:80",
        "127.1:80",
        "127.0.0.1: 80",
        "127.0.0.1:000080",
        "0123456789012345678901234567890123456789012345678901234567890123456789:80",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(listen_address_parse(bad[i], &address, &error) < 0);
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_non_null(strstr(error.text, "monitoring.listen"));
    }
}

/* The last test: an end that has begun stays so. */
static void loops_may_stand_still_once_the_end_has_begun(void **state) {
    (void)state;
    assert_false(probe_live(&health, STAGE_RUNNING, 999 * SECOND, stderr));
    shutdown_begin();
    expect(probe_live(&health, STAGE_RUNNING, 999 * SECOND, out()), true, "stopping ok\n");
    expect(probe_ready(&health, STAGE_RUNNING, 101 * SECOND, out()), false,
           "capture: stopping\noutput flows ok\noutput stats ok\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_loop_may_stand_still_for_ten_seconds, make_healthy),
        cmocka_unit_test_setup(starting_and_stopping_are_alive_and_not_ready, make_healthy),
        cmocka_unit_test_setup(an_output_says_what_it_has, make_healthy),
        cmocka_unit_test_setup(an_id_from_the_cache_is_told, make_healthy),
        cmocka_unit_test_setup(records_that_wait_are_told, make_healthy),
        cmocka_unit_test(addresses_are_literals_with_ports),
        cmocka_unit_test_setup(loops_may_stand_still_once_the_end_has_begun, make_healthy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
