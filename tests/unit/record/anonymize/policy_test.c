/* Which field of an output gets which method, and what is refused in which words. */
#include "record/anonymize/policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct schema *flow, *draft, *nfstream;

static int set_up(void **state) {
    (void)state;
    bool loaded = schema_load("flow/v1", NULL, false, &flow, NULL) == 0 &&
                  schema_load("flow/v2", NULL, false, &draft, NULL) == 0 &&
                  schema_load("nfstream/v1", NULL, false, &nfstream, NULL) == 0;
    return loaded ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    schema_free(flow);
    schema_free(draft);
    schema_free(nfstream);
    return 0;
}

enum { ITEMS_MAX = 8 };

/* Up to the first NULL. */
static struct anonymize_request request_of(const char *const items[ITEMS_MAX], bool as_text) {
    struct anonymize_request request = {
        .output = "out", .schema = flow, .profile = PROFILE_NATIVE, .items = items, .as_text = as_text};
    while (request.item_count < ITEMS_MAX && items[request.item_count] != NULL)
        request.item_count++;
    return request;
}

static struct anonymize_policy make(const struct anonymize_request *request) {
    struct anonymize_policy policy;
    struct error error;
    if (anonymize_policy_make(request, &policy, &error) < 0)
        fail_msg("%s", error.text);
    return policy;
}

static void assert_rule(const struct anonymize_request *request, const struct anonymize_policy *policy,
                        const char *field, const char *expected) {
    for (size_t i = 0; i < policy->count; i++) {
        char text[ANONYMIZE_RULE_TEXT_SIZE];
        if (strcmp(request->schema->fields[i].name, field) != 0)
            continue;
        anonymize_rule_format(&policy->rules[i], text);
        assert_string_equal(text, expected);
        return;
    }
    fail_msg("%s", field);
}

#define MAKE(as_text, ...)                                               \
    static const char *const items[ITEMS_MAX] = {__VA_ARGS__};           \
    const struct anonymize_request request = request_of(items, as_text); \
    struct anonymize_policy policy = make(&request)

static void the_more_specific_item_wins(void **state) {
    (void)state;
    MAKE(false, "src_ip=truncate:16,32", "all=drop", "address=prefix_preserving", "ja3=keep", "user_agent");
    assert_rule(&request, &policy, "src_ip", "truncate:16,32");
    assert_rule(&request, &policy, "dst_ip", "prefix_preserving");
    assert_rule(&request, &policy, "src_mac", "drop");
    assert_rule(&request, &policy, "dst_oui", "drop");
    assert_rule(&request, &policy, "requested_server_name", "drop");
    assert_rule(&request, &policy, "user_agent", "hash");
    assert_rule(&request, &policy, "ja3", "keep");
    assert_rule(&request, &policy, "ja3s", "drop");
    /* What is not personal is nobody's business unless it is named. */
    assert_rule(&request, &policy, "src_port", "keep");
    assert_rule(&request, &policy, "application_name", "keep");
    assert_true(anonymize_policy_changes(&policy));
    assert_true(anonymize_policy_is_keyed(&policy));
    assert_false(anonymize_policy_needs_suffixes(&policy));
    anonymize_policy_release(&policy);
}

static void each_method_is_read_and_written(void **state) {
    (void)state;
    MAKE(false, "src_ip=truncate", "dst_ip=short_hash", "mac=keep_oui", "src_oui=hash",
         "name=keep_registered_domain:cut", "agent=keep");
    assert_rule(&request, &policy, "src_ip", "truncate:24,48");
    assert_rule(&request, &policy, "dst_ip", "short_hash");
    assert_rule(&request, &policy, "src_mac", "keep_oui");
    assert_rule(&request, &policy, "src_oui", "hash");
    assert_rule(&request, &policy, "requested_server_name", "keep_registered_domain:cut");
    assert_true(anonymize_policy_needs_suffixes(&policy));
    anonymize_policy_release(&policy);
}

static void keeping_all_changes_nothing(void **state) {
    (void)state;
    MAKE(false, "all=keep");
    assert_false(anonymize_policy_changes(&policy));
    assert_false(anonymize_policy_is_keyed(&policy));
    assert_int_equal(anonymize_policy_check_complete(&policy, &request, NULL), 0);
    anonymize_policy_release(&policy);
}

static void cutting_needs_no_key(void **state) {
    (void)state;
    MAKE(false, "all=drop", "address=truncate");
    assert_true(anonymize_policy_changes(&policy));
    assert_false(anonymize_policy_is_keyed(&policy));
    anonymize_policy_release(&policy);
}

/* Any column of NFStream's table can be hashed where columns have no type. */
static void text_forms_hash_any_field(void **state) {
    (void)state;
    MAKE(true, "dst_port", "splt_ps=short_hash", "bidirectional_packets");
    assert_rule(&request, &policy, "dst_port", "hash");
    assert_rule(&request, &policy, "splt_ps", "short_hash");
    anonymize_policy_release(&policy);
}

/* The path of a capture may name a person: class user, whether it is a field or a column of text alone. */
static void a_captures_path_is_personal(void **state) {
    (void)state;
    struct error error;
    MAKE(true, "user=drop");
    assert_int_equal(policy.text_column.method, ANONYMIZE_DROP);
    anonymize_policy_release(&policy);

    struct anonymize_request of_draft = request;
    of_draft.schema = draft;
    policy = make(&of_draft);
    assert_rule(&of_draft, &policy, "capture_file", "drop");
    assert_int_equal(policy.text_column.method, ANONYMIZE_KEEP);
    anonymize_policy_release(&policy);

    static const char *const named[ITEMS_MAX] = {"capture_file=short_hash"};
    struct anonymize_request by_name = request_of(named, true);
    policy = make(&by_name);
    assert_int_equal(policy.text_column.method, ANONYMIZE_SHORT_HASH);
    assert_true(anonymize_policy_changes(&policy));
    assert_true(anonymize_policy_is_keyed(&policy));
    anonymize_policy_release(&policy);
    by_name.as_text = false; /* Avro of flow/v1 has no such value */
    assert_int_equal(anonymize_policy_make(&by_name, &policy, &error), -EINVAL);
    assert_non_null(strstr(error.text, "the schema flow/v1 has no such field"));
    anonymize_policy_release(&policy);
}

/* To Kafka it goes only if somebody says how. */
static void a_captures_path_needs_a_word(void **state) {
    (void)state;
    struct error error;
    MAKE(false, "address=hash", "mac=drop", "name=drop", "agent=drop", "fingerprint=drop",
         "system_process_executable=drop", "system_user_id=drop", "system_cgroup=drop");
    assert_int_equal(anonymize_policy_check_complete(&policy, &request, NULL), 0);
    anonymize_policy_release(&policy);
    struct anonymize_request of_draft = request;
    of_draft.schema = draft;
    policy = make(&of_draft);
    assert_int_equal(anonymize_policy_check_complete(&policy, &of_draft, &error), -EINVAL);
    assert_non_null(strstr(error.text, "(capture_file of schema flow/v2, for one)"));
    assert_non_null(strstr(error.text, "\"user=drop\" ]"));
    anonymize_policy_release(&policy);
}

/* What a plugin may declare: a number of a class, whose other fields are texts. */
static void a_number_cannot_hold_a_digest(void **state) {
    (void)state;
    struct bound_field *field = &flow->fields[flow->field_count - 1];
    const struct bound_field kept = *field;
    struct catalogue_row row = *kept.row;
    row.type = VALUE_LONG;
    row.pii = PII_AGENT;
    field->row = &row;
    field->nullable = true;
    static const char *const all[ITEMS_MAX] = {"all=hash"};
    struct anonymize_request request = request_of(all, false);
    struct anonymize_policy policy = make(&request);
    assert_rule(&request, &policy, field->name, "drop");
    assert_rule(&request, &policy, "user_agent", "hash");
    anonymize_policy_release(&policy);
    /* As text it can; and where it can't be null either, nothing is done behind anyone's back. */
    request.as_text = true;
    policy = make(&request);
    assert_rule(&request, &policy, field->name, "hash");
    anonymize_policy_release(&policy);
    request.as_text = false;
    field->nullable = false;
    assert_int_equal(anonymize_policy_make(&request, &policy, NULL), -EINVAL);
    anonymize_policy_release(&policy);
    *field = kept;
}

static void a_missing_word_shows_the_line_to_add(void **state) {
    (void)state;
    struct error error;
    MAKE(false, "dst_ip=hash", "mac=drop");
    assert_int_equal(anonymize_policy_check_complete(&policy, &request, &error), -EINVAL);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(
        error.text,
        "output \"out\": nothing says how personal data (src_ip of schema flow/v1, for one) goes to Kafka; give the output the line columns_to_anonymize = [ \"dst_ip=hash\", \"mac=drop\", \"address=prefix_preserving\", \"name=keep_registered_domain\", \"agent=short_hash\", \"fingerprint=short_hash\", \"user=drop\" ]; or, to send it as it is, [ \"all=keep\" ]");
    anonymize_policy_release(&policy);
    /* The line that is shown does. */
    static const char *const shown[ITEMS_MAX] = {"dst_ip=hash",
                                                 "mac=drop",
                                                 "address=prefix_preserving",
                                                 "name=keep_registered_domain",
                                                 "agent=short_hash",
                                                 "fingerprint=short_hash",
                                                 "user=drop"};
    const struct anonymize_request again = request_of(shown, false);
    policy = make(&again);
    assert_int_equal(anonymize_policy_check_complete(&policy, &again, &error), 0);
    anonymize_policy_release(&policy);
}

static void nfstreams_schema_has_the_same_classes(void **state) {
    (void)state;
    static const char *const items[ITEMS_MAX] = {"address=hash", "mac=keep_oui", "name=drop", "agent=drop"};
    struct error error;
    struct anonymize_request request = request_of(items, true);
    request.schema = nfstream;
    request.profile = PROFILE_NFSTREAM;
    struct anonymize_policy policy = make(&request);
    assert_rule(&request, &policy, "src_mac", "keep_oui");
    assert_rule(&request, &policy, "client_fingerprint", "keep");
    assert_true(anonymize_policy_check_complete(&policy, &request, &error) < 0);
    assert_non_null(strstr(error.text, "client_fingerprint of schema nfstream/v1"));
    assert_non_null(strstr(error.text, "\"agent=drop\", \"fingerprint=short_hash\" ]"));
    anonymize_policy_release(&policy);
}

static void wrong_items_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *items[ITEMS_MAX];
        const char *line;
    } cases[] = {
        {{"src_ipp"}, "\"src_ipp\": no field is named src_ipp; did you mean src_ip?"},
        {{"=drop"},
         "\"=drop\":  is neither a field of the schema flow/v1 nor one of all, address, mac, name, agent, fingerprint, user"},
        {{"none=drop"},
         "\"none=drop\": none is neither a field of the schema flow/v1 nor one of all, address, mac, name, agent, fingerprint, user"},
        {{"id"}, "\"id\": the schema flow/v1 has no such field; take the item off"},
        {{"address"}, "\"address\": say what to do, as in all=hash"},
        {{"mac=keep", "src_ip", "mac=drop"},
         "\"mac=drop\": an earlier item says it already; take one of them off"},
        {{"src_ip="},
         "\"src_ip=\": there is no method \"\"; take one of keep, drop, truncate, prefix_preserving, hash, short_hash, keep_oui, keep_registered_domain"},
        {{"src_ip=hsah"}, "\"src_ip=hsah\": there is no method \"hsah\"; did you mean hash?"},
        {{"src_ip=hash:64"}, "\"src_ip=hash:64\": hash takes no argument, but has \"64\""},
        {{"src_ip=truncate:24"},
         "\"src_ip=truncate:24\": truncate takes two prefix lengths, of IPv4 (0 to 32) and IPv6 (0 to 128), as in truncate:24,48, not \"24\""},
        {{"src_ip=truncate:33,48"},
         "\"src_ip=truncate:33,48\": truncate takes two prefix lengths, of IPv4 (0 to 32) and IPv6 (0 to 128), as in truncate:24,48, not \"33,48\""},
        {{"src_ip=truncate:24,48,1"},
         "\"src_ip=truncate:24,48,1\": truncate takes two prefix lengths, of IPv4 (0 to 32) and IPv6 (0 to 128), as in truncate:24,48, not \"24,48,1\""},
        {{"name=keep_registered_domain:x"},
         "\"name=keep_registered_domain:x\": keep_registered_domain takes hash or cut, for what stands before the domain, not \"x\""},
        {{"mac=truncate"},
         "\"mac=truncate\": the method doesn't fit the class mac; take one of keep, drop, hash, short_hash, keep_oui"},
        {{"agent=keep_oui"},
         "\"agent=keep_oui\": the method doesn't fit the class agent; take one of keep, drop, hash, short_hash"},
        {{"all=prefix_preserving"},
         "\"all=prefix_preserving\": the method doesn't fit the field src_mac (string, class mac); take one of keep, drop, hash, short_hash, keep_oui"},
        {{"ja3=keep_registered_domain"},
         "\"ja3=keep_registered_domain\": the method doesn't fit the field ja3 (string, class fingerprint); take one of keep, drop, hash, short_hash"},
        {{"dst_port"},
         "\"dst_port\": the method doesn't fit the field dst_port (int); take one of keep; as CSV or JSON lines any field can be hashed"},
        {{"dst_port=drop"},
         "\"dst_port=drop\": the method doesn't fit the field dst_port (int); take one of keep; as CSV or JSON lines any field can be hashed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct anonymize_request request = request_of(cases[i].items, false);
        struct anonymize_policy policy;
        struct error error;
        char expected[ERROR_TEXT_SIZE];
        assert_int_equal(anonymize_policy_make(&request, &policy, &error), -EINVAL);
        snprintf(expected, sizeof expected, "output \"out\": columns_to_anonymize: %s", cases[i].line);
        assert_string_equal(error.text, expected);
        assert_int_equal(error.exit_code, EX_CONFIG);
        anonymize_policy_release(&policy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_more_specific_item_wins),
        cmocka_unit_test(each_method_is_read_and_written),
        cmocka_unit_test(keeping_all_changes_nothing),
        cmocka_unit_test(cutting_needs_no_key),
        cmocka_unit_test(text_forms_hash_any_field),
        cmocka_unit_test(a_captures_path_is_personal),
        cmocka_unit_test(a_captures_path_needs_a_word),
        cmocka_unit_test(a_number_cannot_hold_a_digest),
        cmocka_unit_test(a_missing_word_shows_the_line_to_add),
        cmocka_unit_test(nfstreams_schema_has_the_same_classes),
        cmocka_unit_test(wrong_items_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
