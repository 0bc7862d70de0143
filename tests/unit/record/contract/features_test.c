/* feature_hash changes with everything that changes a bound value, and with nothing else. */
#include "record/contract/features.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/example_flow.h"

static struct schema *schema;
static struct example example;

static int set_up(void **state) {
    (void)state;
    example_init(&example, PROFILE_NATIVE);
    return schema_load("flow/v1", NULL, false, &schema, NULL);
}

static int tear_down(void **state) {
    (void)state;
    schema_free(schema);
    return 0;
}

static void text_is_sorted_lines(void **state) {
    (void)state;
    char *text = features_text(schema, &example.identity, false, 1536, NULL);
    assert_non_null(text);
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_non_null(strstr(text, "\nidle_timeout_us=120000000\n"));
    assert_non_null(strstr(text, "\nndpi_version=4.2.0\n"));
    assert_non_null(strstr(text, "\nsplt_analysis=20\n"));
    assert_non_null(strstr(text, "\ntcp_end=off\n"));
    assert_non_null(strstr(text, "\ntunnel_ports=vxlan=4789,8472\n"));
    assert_non_null(strstr(text, "\nfield.bidirectional_packets=1\n"));
    assert_non_null(strstr(text, "\nschema=flowsensor.flow.Flow\n"));
    assert_null(strstr(text, "snapshot_length"));
    char *rest = text, *previous = strsep(&rest, "\n");
    size_t lines = 1;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; previous = line, lines++)
        assert_true(strcmp(previous, line) < 0);
    assert_int_equal(lines, schema->field_count + 16);
    free(text);
}

/* SHA-256("abc"), FIPS 180-2. */
static void hash_is_sha256(void **state) {
    (void)state;
    char hash[CANONICAL_HASH_SIZE];
    canonical_hash("abc", hash);
    assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223");
}

static void hash_of(char hash[CANONICAL_HASH_SIZE], bool live, unsigned snapshot_length) {
    char *text = features_text(schema, &example.identity, live, snapshot_length, NULL);
    assert_non_null(text);
    canonical_hash(text, hash);
    free(text);
}

/* Compares with the hash before a change. */
static void assert_changes(bool changes, const char *before) {
    char after[CANONICAL_HASH_SIZE];
    hash_of(after, false, 0);
    assert_int_equal(strcmp(before, after) != 0, changes);
}

#define CHANGE(field, new, changes)      \
    do {                                 \
        struct example kept = example;   \
        example.field = new;             \
        assert_changes(changes, before); \
        example = kept;                  \
    } while (0)

/* What a live run with one field of flow_full/v1 depends on. */
static void findings_are_of_a_version_of_ndpi(void **state) {
    (void)state;
    static const struct {
        const char *field;
        bool of_ndpi, of_payload;
    } cases[] = {
        {"application_breed", true, true},
        {"ndpi_risks", true, true},
        {"tls_cipher", true, true},
        {"http_status", true, true},
        {"src_port", false, false},
        {"src2dst_quic_version", true, true},
        {"dns_answers", false, true},
        {"ftp_reply_code", false, true},
        {"dst2src_payload_entropy", false, true},
        {"src2dst_min_ttl", false, false},
    };
    struct schema *full;
    assert_int_equal(schema_load("flow_full/v1", NULL, false, &full, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schema one = *full;
        while (strcmp(one.fields->name, cases[i].field) != 0)
            one.fields++;
        one.field_count = 1;
        char *text = features_text(&one, &example.identity, true, 1536, NULL);
        assert_non_null(text);
        assert_int_equal(strstr(text, "\nndpi_version=") != NULL, cases[i].of_ndpi);
        assert_int_equal(strstr(text, "\nsnapshot_length=") != NULL, cases[i].of_payload);
        free(text);
    }
    schema_free(full);
}

static void settings_change_the_hash(void **state) {
    (void)state;
    char before[CANONICAL_HASH_SIZE];
    hash_of(before, false, 0);
    CHANGE(meter.idle_timeout, 1, true);
    CHANGE(meter.active_timeout, 1, true);
    CHANGE(meter.accounting_mode, ACCOUNT_PAYLOAD, true);
    CHANGE(meter.n_dissections, 5, true);
    CHANGE(meter.statistical_analysis, false, true);
    CHANGE(meter.splt_analysis, 10, true);
    CHANGE(meter.splt_packets, SPLT_PAYLOAD_NEW, true);
    CHANGE(identity.decode_tunnels, false, true);
    CHANGE(identity.tunnel_keys, "symmetric", true);
    CHANGE(identity.tunnel_ports, "vxlan=4789", true);
    CHANGE(identity.system_visibility, true, true);
    CHANGE(identity.ndpi_version, "5.0.0", true);
    CHANGE(identity.ndpi_version, "4.2.1-17-0a1b2c3", true);
    CHANGE(identity.ndpi_version, "4.2.0-1234-0a1b2c3", false);
    CHANGE(meter.flow_table_size, 4096, false);
    CHANGE(meter.dissection_flows, 512, false);
    CHANGE(meter.preallocate, true, false);
    CHANGE(identity.key.word[0], 77, false);
    CHANGE(identity.sensor_id[0], 'x', false);
}

/* Records of the sensor itself: which packets are metered and when flows end, but not what is counted of a flow. */
static void sensor_records_have_fewer_settings(void **state) {
    (void)state;
    struct schema *flows = schema;
    assert_int_equal(schema_load("sensor_stats/v1", NULL, false, &schema, NULL), 0);
    char before[CANONICAL_HASH_SIZE];
    hash_of(before, false, 0);
    CHANGE(meter.idle_timeout, 1, true);
    CHANGE(identity.decode_tunnels, false, true);
    CHANGE(meter.profile, PROFILE_NFSTREAM, true);
    CHANGE(meter.accounting_mode, ACCOUNT_PAYLOAD, false);
    CHANGE(meter.splt_analysis, 10, false);
    CHANGE(meter.splt_packets, SPLT_PAYLOAD, false);
    CHANGE(identity.ndpi_version, "5.0.0", false);
    schema_free(schema);
    schema = flows;
}

/* Methods of fields that are changed, and the list that one of them needs; who keeps all is as who says nothing. */
static void anonymization_counts(void **state) {
    (void)state;
    static const char *const items[] = {"src_ip=truncate:8,16", "name=keep_registered_domain", "mac=keep"};
    struct anonymize_policy policy;
    struct anonymize_request request = {.output = "out",
                                        .schema = schema,
                                        .profile = PROFILE_NATIVE,
                                        .items = items,
                                        .item_count = sizeof items / sizeof *items};
    assert_int_equal(anonymize_policy_make(&request, &policy, NULL), 0);
    char *text = features_text(schema, &example.identity, false, 0, &policy);
    assert_non_null(strstr(text, "\nanonymize.src_ip=truncate:8,16\n"));
    assert_non_null(strstr(text, "\nanonymize.requested_server_name=keep_registered_domain:hash\n"));
    assert_non_null(strstr(text, "\npublic_suffix_list="));
    assert_null(strstr(text, "anonymize.src_mac"));
    assert_null(strstr(text, "anonymize.dst_ip"));
    free(text);
    anonymize_policy_release(&policy);
    request.items = (const char *const[]){"all=keep"};
    request.item_count = 1;
    assert_int_equal(anonymize_policy_make(&request, &policy, NULL), 0);
    text = features_text(schema, &example.identity, false, 0, &policy);
    char *without = features_text(schema, &example.identity, false, 0, NULL);
    assert_string_equal(text, without);
    free(without);
    free(text);
    anonymize_policy_release(&policy);
}

/* flow/v1's hash is the same whatever becomes of the column that text has behind it; flow/v2's is another one, since its
 * records have another schema, and has no path in it. */
static void paths_and_keys_are_no_features(void **state) {
    (void)state;
    static const char *const items[] = {"capture_file=drop"};
    struct anonymize_policy policy;
    const struct anonymize_request request = {.output = "out",
                                              .schema = schema,
                                              .profile = PROFILE_NATIVE,
                                              .items = items,
                                              .item_count = 1,
                                              .as_text = true};
    assert_int_equal(anonymize_policy_make(&request, &policy, NULL), 0);
    char *text = features_text(schema, &example.identity, false, 0, &policy);
    char *without = features_text(schema, &example.identity, false, 0, NULL);
    assert_string_equal(text, without);
    assert_null(strstr(text, "capture_file"));
    free(text);
    anonymize_policy_release(&policy);

    struct schema *draft;
    assert_int_equal(schema_load("flow/v2", NULL, false, &draft, NULL), 0);
    text = features_text(draft, &example.identity, false, 0, NULL);
    assert_non_null(strstr(text, "\nschema_fingerprint=2ad7150f2b3061f2\n"));
    assert_non_null(strstr(text, "field.capture_file=1\n"));
    assert_string_not_equal(text, without);
    free(text);

    /* Keys are none either. */
    text = features_text(draft, &example.identity, false, 0, NULL);
    assert_non_null(strstr(text, "field.conn_key=1\n"));
    example.identity.conn_key.word[0] ^= 1;
    example.identity.key.word[0] ^= 1;
    char *with_others = features_text(draft, &example.identity, false, 0, NULL);
    assert_string_equal(text, with_others);
    schema_free(draft);
    free(with_others);
    free(without);
    free(text);
}

static void snap_length_counts_where_it_matters(void **state) {
    (void)state;
    char file[CANONICAL_HASH_SIZE], other_file[CANONICAL_HASH_SIZE], live[CANONICAL_HASH_SIZE],
        other_live[CANONICAL_HASH_SIZE];
    hash_of(file, false, 96);
    hash_of(other_file, false, 1536);
    hash_of(live, true, 96);
    hash_of(other_live, true, 1536);
    assert_string_equal(file, other_file);
    assert_string_not_equal(live, other_live);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_sorted_lines),
        cmocka_unit_test(hash_is_sha256),
        cmocka_unit_test(findings_are_of_a_version_of_ndpi),
        cmocka_unit_test(settings_change_the_hash),
        cmocka_unit_test(sensor_records_have_fewer_settings),
        cmocka_unit_test(anonymization_counts),
        cmocka_unit_test(snap_length_counts_where_it_matters),
        cmocka_unit_test(paths_and_keys_are_no_features),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
