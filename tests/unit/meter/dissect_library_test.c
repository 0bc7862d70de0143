/* The nDPI that is linked: that it is the one of the headers. */
#include "meter/meter_fixture.h"

#include "meter/dissect.h"
#include "meter/dissect_shim.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_linked_library_is_the_one_of_the_headers),
        cmocka_unit_test(a_build_from_git_is_of_its_version),
        cmocka_unit_test(other_libraries_are_known_by_size_or_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
