/* The nDPI that is linked: that it is the one of the headers, and that its budget is what it takes. */
#include "meter/meter_fixture.h"

#include "meter/dissect.h"
#include "meter/dissect_measure.h"
#include "meter/dissect_shim.h"
#include "meter/heap.h"

enum { IP_HEADER = 20, TCP_HEADER = 20, PAYLOAD = 200, FLOWS = 1024 };

static const size_t flow_size = sizeof(struct ndpi_flow_struct);

/* The headers' version with something in its place or behind it. */
static const char *revision(const char *rest) {
    static char text[64];
    snprintf(text, sizeof text, "%s%s", shim_header_version(), rest);
    return text;
}

static void the_linked_library_is_the_one_of_the_headers(void **state) {
    (void)state;
    assert_true(shim_is_library(ndpi_revision(), ndpi_detection_get_sizeof_ndpi_flow_struct()));
    assert_true(shim_is_library(shim_header_version(), flow_size));
    assert_string_equal(dissector_library_version(), ndpi_revision());
}

static void a_build_from_git_is_of_its_version(void **state) {
    (void)state;
    assert_true(shim_is_library(revision("-1234-0a1b2c3"), flow_size));
}

static void other_libraries_are_known_by_size_or_version(void **state) {
    (void)state;
    assert_false(shim_is_library(shim_header_version(), flow_size + 8));
    assert_false(shim_is_library(shim_header_version(), flow_size - 32));
    assert_false(shim_is_library(revision("1"), flow_size));
    assert_false(shim_is_library(revision(".1"), flow_size));
    assert_false(shim_is_library("3.4.0", flow_size));
    assert_false(shim_is_library("", flow_size));
}

static void feed_noise(struct fixture *fixture, uint16_t flow) {
    uint8_t ip[IP_HEADER + TCP_HEADER + PAYLOAD] = {0x45, 0, 0, sizeof ip, [8] = 64, [9] = TCP};
    struct packet packet = made_packet(1000000, 1, (uint16_t)(10000 + flow), 2, 40001, TCP);
    memcpy(ip + 12, packet.source, 4);
    memcpy(ip + 16, packet.destination, 4);
    ip[20] = (uint8_t)(packet.source_port >> 8);
    ip[21] = (uint8_t)packet.source_port;
    ip[22] = 40001 >> 8;
    ip[23] = 40001 & 255;
    ip[32] = TCP_HEADER / 4 << 4;
    ip[33] = TCP_PSH | TCP_ACK;
    memset(ip + 40, 0x5a, PAYLOAD);
    packet.ip = ip;
    packet.ip_captured = sizeof ip;
    feed(fixture, packet);
}

static const struct meter_options options = {.profile = PROFILE_NATIVE,
                                             .idle_timeout = 1000000,
                                             .active_timeout = 1000000,
                                             .n_dissections = 20,
                                             .flow_table_size = FLOWS};

/* With a table that is full of flows that nDPI doesn't know yet. */
static void the_budget_is_enough_and_not_much_more(void **state) {
    (void)state;
    struct meter_budget budget;
    meter_budget(&options, &budget);
    struct fixture fixture;
    size_t before = heap_held();
    fixture_open(&fixture, &options);
    size_t opened = heap_held();
    for (uint16_t flow = 0; flow < FLOWS; flow++)
        feed_noise(&fixture, flow);
    size_t full = heap_held();
    const struct dissector_budget *ndpi = &budget.dissector;
    print_message("module %zu KiB of %llu, flows %zu KiB of %llu\n", (opened - before) >> 10,
                  (unsigned long long)(ndpi->module + budget.flows) >> 10, (full - opened) >> 10,
                  (unsigned long long)(ndpi->states + ndpi->inner + ndpi->texts + budget.flows) >> 10);
    assert_in_range(opened - before, ndpi->module / 2, ndpi->module + budget.flows);
    assert_in_range(full - opened, (ndpi->states + ndpi->inner) * 9 / 10,
                    ndpi->states + ndpi->inner + budget.flows);
    meter_finish(fixture.meter, END_OF_INPUT);
    fixture_close(&fixture);
}

/* TLS, by the library's own number, and that a number which nDPI doesn't use is none. */
static void protocols_of_the_library(void **state) {
    (void)state;
    struct fixture fixture;
    struct l7_protocol protocol;
    fixture_open(&fixture, &options);
    size_t count = meter_protocol_count(fixture.meter), used = 0;
    assert_true(count > NDPI_PROTOCOL_TLS);
    for (size_t i = 0; i < count; i++) {
        bool is_used = meter_protocol(fixture.meter, i, &protocol);
        used += is_used;
        assert_int_equal(protocol.id, i);
        assert_string_equal(protocol.name, meter_protocol_name(fixture.meter, i));
        assert_true(protocol.category_name[0] != '\0' && protocol.breed[0] != '\0');
        assert_int_equal(is_used, i == 0 || strcmp(protocol.name, "Unknown") != 0);
    }
    print_message("%zu of %zu numbers are used\n", used, count);
    assert_true(used > 200);
    assert_true(meter_protocol(fixture.meter, NDPI_PROTOCOL_TLS, &protocol));
    assert_string_equal(protocol.name, "TLS");
    assert_string_equal(protocol.category_name, "Web");
    assert_string_equal(protocol.breed, "Safe");
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_linked_library_is_the_one_of_the_headers),
        cmocka_unit_test(a_build_from_git_is_of_its_version),
        cmocka_unit_test(other_libraries_are_known_by_size_or_version),
        cmocka_unit_test(protocols_of_the_library),
        cmocka_unit_test(the_budget_is_enough_and_not_much_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
