/* What messages are keyed by: the flow, or addresses as the record has them. */
#include "record/message_key.h"

#include <stdlib.h>
#include <string.h>

#include "record/anonymize/policy.h"
#include "record/recorder_bench.h"

/* 172.31.3.224 asks 216.58.212.100 (record/example_flow.h). */
struct keyed {
    struct schema *schema;
    struct anonymize_policy policy;
    struct recorder *recorder;
};

enum { ITEMS_MAX = 4 };

/* Up to the first NULL. */
static void make_policy(struct keyed *keyed, const char *const items[ITEMS_MAX]) {
    struct error error = {0};
    struct anonymize_request request = {.output = "out",
                                        .schema = keyed->schema,
                                        .profile = example.meter.profile,
                                        .items = items,
                                        .as_text = true};
    while (request.item_count < ITEMS_MAX && items[request.item_count] != NULL)
        request.item_count++;
    if (anonymize_policy_make(&request, &keyed->policy, &error) < 0)
        fail_msg("%s", error.text);
}

static struct keyed open_keyed(const char *schema, const char *encoding, const char *kind,
                               const char *const items[ITEMS_MAX]) {
    struct keyed keyed = {0};
    struct error error = {0};
    const struct anonymize_key key = {.bytes = {1, 2, 3}};
    bool nfstream = strncmp(schema, "nfstream", 8) == 0;
    example_init(&example, nfstream ? PROFILE_NFSTREAM : PROFILE_NATIVE);
    assert_int_equal(schema_load(schema, NULL, false, &keyed.schema, NULL), 0);
    make_policy(&keyed, items);
    const struct recorder_options options = {.output = "out",
                                             .schema = keyed.schema,
                                             .encoding = encoding_find(encoding),
                                             .identity = &example.identity,
                                             .groups_on = EXAMPLE_ALL_GROUPS,
                                             .policy = &keyed.policy,
                                             .key = &key,
                                             .message_key = message_key_kind_of(kind)};
    if (message_key_check(options.message_key, "out", keyed.schema, &keyed.policy, &error) < 0 ||
        recorder_create(&options, &keyed.recorder, &error) < 0)
        fail_msg("%s", error.text);
    return keyed;
}

static void close_keyed(struct keyed *keyed) {
    recorder_destroy(keyed->recorder);
    anonymize_policy_release(&keyed->policy);
    schema_free(keyed->schema);
}

/* The key of the next record; free it. */
static char *next_key(const struct keyed *keyed) {
    struct message message;
    assert_int_equal(recorder_make(keyed->recorder, &example.flow, &message), 0);
    char *key = strndup(message.key, message.key_length);
    assert_non_null(key);
    assert_int_equal(strlen(key), message.key_length);
    return key;
}

static void assert_key(const struct keyed *keyed, const char *expected) {
    char *key = next_key(keyed);
    assert_string_equal(key, expected);
    free(key);
}

static void turn_around(struct flow *flow) {
    uint8_t kept[16];
    memcpy(kept, flow->key.address_a, sizeof kept);
    memcpy(flow->key.address_a, flow->key.address_b, sizeof kept);
    memcpy(flow->key.address_b, kept, sizeof kept);
}

#define KEEP ((const char *const[ITEMS_MAX]){"all=keep"})

static void keys_are_of_addresses(void **state) {
    (void)state;
    static const struct {
        const char *schema, *encoding;
    } cases[] = {{"flow/v1", "avro"},
                 {"flow/v1", "jsonl"},
                 {"flow/v2", "avro"},
                 {"nfstream/v1", "avro"},
                 {"nfstream/v1", "csv"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keyed keyed = open_keyed(cases[i].schema, cases[i].encoding, "src_ip", KEEP);
        assert_key(&keyed, "172.31.3.224");
        turn_around(&example.flow);
        assert_key(&keyed, "216.58.212.100");
        close_keyed(&keyed);
        keyed = open_keyed(cases[i].schema, cases[i].encoding, "ip_pair", KEEP);
        assert_key(&keyed, "172.31.3.224-216.58.212.100");
        turn_around(&example.flow);
        assert_key(&keyed, "172.31.3.224-216.58.212.100");
        close_keyed(&keyed);
    }
}

/* As texts, not as numbers; the shorter of two that begin alike is lower, and an address may talk to itself. */
static void pairs_are_in_order_of_their_texts(void **state) {
    (void)state;
    static const struct {
        const char *source, *destination, *key;
    } cases[] = {
        {"9.0.0.1", "10.0.0.1", "10.0.0.1-9.0.0.1"},
        {"10.0.0.10", "10.0.0.1", "10.0.0.1-10.0.0.10"},
        {"10.0.0.1", "10.0.0.1", "10.0.0.1-10.0.0.1"},
    };
    struct keyed keyed = open_keyed("flow/v1", "avro", "ip_pair", KEEP);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        inet_pton(AF_INET, cases[i].source, example.flow.key.address_a);
        inet_pton(AF_INET, cases[i].destination, example.flow.key.address_b);
        assert_key(&keyed, cases[i].key);
    }
    close_keyed(&keyed);
}

/* An address that the policy hides is not in the key; two digests are the longest key. */
static void keys_are_as_anonymous_as_the_record(void **state) {
    (void)state;
    static const char *const truncate[ITEMS_MAX] = {"address=truncate:8,32"},
                             *const hash[ITEMS_MAX] = {"address=hash"},
                             *const hidden[ITEMS_MAX] = {"src_ip=short_hash", "dst_ip=drop"};
    struct keyed keyed = open_keyed("flow/v1", "avro", "ip_pair", truncate);
    assert_key(&keyed, "172.0.0.0-216.0.0.0");
    close_keyed(&keyed);

    keyed = open_keyed("flow/v1", "avro", "src_ip", hidden);
    char *key = next_key(&keyed);
    assert_int_equal(strspn(key, "0123456789abcdef"), 16);
    assert_int_equal(strlen(key), 16);
    free(key);
    close_keyed(&keyed);

    keyed = open_keyed("flow/v1", "avro", "ip_pair", hash);
    key = next_key(&keyed);
    assert_int_equal(strlen(key), MESSAGE_KEY_SIZE);
    assert_int_equal(strspn(key, "0123456789abcdef"), 128);
    assert_int_equal(key[128], '-');
    turn_around(&example.flow);
    assert_key(&keyed, key);
    free(key);
    close_keyed(&keyed);
}

static void refuse(const char *kind, const char *const items[ITEMS_MAX], const char *expected) {
    struct keyed keyed = {0};
    struct error error = {0};
    assert_int_equal(schema_load("flow/v1", NULL, false, &keyed.schema, NULL), 0);
    make_policy(&keyed, items);
    assert_true(message_key_check(message_key_kind_of(kind), "out", keyed.schema, &keyed.policy, &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(error.text, expected);
    close_keyed(&keyed);
}

static void keys_that_no_record_has_are_refused(void **state) {
    (void)state;
    example_init(&example, PROFILE_NATIVE);
    static const char *const dropped[ITEMS_MAX] = {"src_ip=drop"}, *const half[ITEMS_MAX] = {"dst_ip=drop"},
                             *const uneven[ITEMS_MAX] = {"src_ip=hash", "dst_ip=truncate:24,48"};
    refuse(
        "src_ip", dropped,
        "output \"out\": key \"src_ip\" is made of src_ip, which columns_to_anonymize drops; take key off, or "
        "give src_ip a method such as prefix_preserving");
    refuse(
        "ip_pair", half,
        "output \"out\": key \"ip_pair\" is made of dst_ip, which columns_to_anonymize drops; take key off, or "
        "give dst_ip a method such as prefix_preserving");
    refuse(
        "ip_pair", uneven,
        "output \"out\": key \"ip_pair\" would differ by the direction, since columns_to_anonymize has hash for "
        "src_ip and truncate:24,48 for dst_ip; give both one method");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_of_addresses),
        cmocka_unit_test(pairs_are_in_order_of_their_texts),
        cmocka_unit_test(keys_are_as_anonymous_as_the_record),
        cmocka_unit_test(keys_that_no_record_has_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
