/* fields_hash covers what decides the fields that are named, and nothing of the others. */
#include "record/contract/used_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "record/contract/metering.h"
#include "record/example_flow.h"

static struct schema *schema;
static struct example example;
static char metering_line[64];
static struct used_fields used;

static int set_up(void **state) {
    (void)state;
    char hash[CANONICAL_HASH_SIZE];
    example_init(&example, PROFILE_NATIVE);
    assert_true(metering_hash(&example.identity, hash));
    snprintf(metering_line, sizeof metering_line, "metering_hash=%s\n", hash);
    int result = schema_load("flow/v2", NULL, false, &schema, NULL);
    used = (struct used_fields){.schema = schema, .identity = &example.identity};
    return result;
}

static int tear_down(void **state) {
    (void)state;
    schema_free(schema);
    return 0;
}

/* `ndpi`: the line of nDPI's version, or "". */
static void assert_text(const char *names, const char *key, const char *fields, const char *ndpi) {
    char expected[512];
    char *text = NULL;
    struct error error = {0};
    assert_int_equal(used_fields_text(&used, names, &text, &error), 0);
    snprintf(expected, sizeof expected, "%sfields=%s\n%s%s", key, fields, metering_line, ndpi);
    assert_string_equal(text, expected);
    free(text);
}

static void names_are_sorted_and_come_once(void **state) {
    (void)state;
    assert_text("src_port", "", "src_port", "");
    assert_text("src_port, dst_port,src_port", "", "dst_port,src_port", "");
    assert_text("splt_ps,bidirectional_mean_ps,splt_direction", "",
                "bidirectional_mean_ps,splt_direction,splt_ps", "");
}

static void labels_are_of_a_version_of_ndpi(void **state) {
    (void)state;
    assert_text("application_name", "", "application_name", "ndpi_version=4.2.0\n");
    example.identity.ndpi_version = "4.2.0-1234-0a1b2c3";
    assert_text("ndpi_version", "", "ndpi_version", "ndpi_version=4.2.0\n");
    example.identity.ndpi_version = "5.0.0";
    assert_text("application_name,src_port", "", "application_name,src_port", "ndpi_version=5.0.0\n");
    assert_text("src_port", "", "src_port", "");
    example.identity.ndpi_version = "4.2.0";
}

static void pseudonyms_are_of_a_key(void **state) {
    (void)state;
    assert_text("src_ip", "anon_key_id=\n", "src_ip", "");
    used.anon_key_id = "0123456789abcdef";
    assert_text("src_port", "", "src_port", "");
    assert_text("src_ip", "anon_key_id=0123456789abcdef\n", "src_ip", "");
    used.anon_key_id = NULL;
    assert_true(used_fields_are_personal(schema, PROFILE_NATIVE, "src_port,ja3"));
    assert_false(used_fields_are_personal(schema, PROFILE_NATIVE, "src_port,bidirectional_bytes,other"));
}

static void assert_refused(const char *names, const char *reason) {
    char *text = NULL;
    struct error error = {0};
    assert_int_not_equal(used_fields_text(&used, names, &text, &error), 0);
    assert_null(text);
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_non_null(strstr(error.text, reason));
}

static void unknown_names_are_refused(void **state) {
    (void)state;
    assert_refused("src_pot", "has no field src_pot; did you mean src_port?");
    assert_refused("src_port,nothing_like_it_at_all", "`flowsensor schema print` lists all");
    assert_refused("", "no field is named");
    assert_refused(" , ", "no field is named");
}

/* A rule with a key is told by anon_key_id; one without would go unnoticed. */
static void what_records_do_not_tell_is_refused(void **state) {
    (void)state;
    static const char *const items[] = {"src_ip=truncate:24,48", "dst_ip=hash", "mac=keep",
                                        "application_name=short_hash"};
    struct anonymize_policy policy;
    const struct anonymize_request request = {.output = "out",
                                              .schema = schema,
                                              .profile = PROFILE_NATIVE,
                                              .items = items,
                                              .item_count = sizeof items / sizeof *items};
    assert_int_equal(anonymize_policy_make(&request, &policy, NULL), 0);
    used.policy = &policy;
    assert_refused("src_port,src_ip", "src_ip is anonymized by truncate:24,48");
    assert_refused("application_name", "application_name is anonymized by short_hash");
    assert_text("dst_ip,src_mac", "anon_key_id=\n", "dst_ip,src_mac", "");
    assert_text("src_port", "", "src_port", "");
    used.policy = NULL;
    anonymize_policy_release(&policy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_and_come_once),
        cmocka_unit_test(labels_are_of_a_version_of_ndpi),
        cmocka_unit_test(pseudonyms_are_of_a_key),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(what_records_do_not_tell_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
