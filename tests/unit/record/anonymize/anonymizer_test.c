/* Pseudonyms in records: what each method makes of the example flow under the key 00 01 02 ... 1f. The expected values
 * were computed in Python, as deploy/examples/python/pseudonyms.py does. */
#include "record/anonymize/anonymizer.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "allocations.h"
#include "record/example_flow.h"
#include "record/recorder.h"

enum { ITEMS_MAX = 8 };

static struct example example;
static struct anonymize_key key;

struct bench {
    struct schema *schema;
    struct anonymize_policy policy;
    struct recorder *recorder;
};

static struct bench open_bench(enum meter_profile profile, const char *encoding, const char *const *items,
                               size_t count) {
    struct bench bench;
    struct error error;
    bool nfstream = profile == PROFILE_NFSTREAM;
    example_init(&example, profile);
    assert_int_equal(schema_load(nfstream ? "nfstream/v1" : "flow/v2", NULL, false, &bench.schema, NULL), 0);
    const struct anonymize_request request = {.output = "out",
                                              .schema = bench.schema,
                                              .profile = profile,
                                              .items = items,
                                              .item_count = count,
                                              .as_text = strcmp(encoding, "avro") != 0};
    if (anonymize_policy_make(&request, &bench.policy, &error) < 0)
        fail_msg("%s", error.text);
    const struct recorder_options options = {.output = "out",
                                             .schema = bench.schema,
                                             .encoding = encoding_find(encoding),
                                             .identity = &example.identity,
                                             .groups_on = EXAMPLE_ALL_GROUPS,
                                             .policy = &bench.policy,
                                             .key = &key};
    if (recorder_create(&options, &bench.recorder, &error) < 0)
        fail_msg("%s", error.text);
    return bench;
}

#define OPEN(profile, encoding, ...)                                  \
    open_bench(profile, encoding, (const char *const[]){__VA_ARGS__}, \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void close_bench(struct bench *bench) {
    recorder_destroy(bench->recorder);
    anonymize_policy_release(&bench->policy);
    schema_free(bench->schema);
}

/* The field of the next record as JSON. */
static void assert_field(struct bench *bench, const char *field, const char *expected) {
    struct message message;
    assert_int_equal(recorder_make(bench->recorder, &example.flow, &message), 0);
    json_t *root = json_loadb((const char *)message.body, message.body_length, 0, NULL);
    char *text = json_dumps(json_object_get(root, field), JSON_ENCODE_ANY | JSON_COMPACT);
    if (text == NULL || strcmp(text, expected) != 0)
        fail_msg("%s is %s, not %s", field, text, expected);
    free(text);
    json_decref(root);
}

static void set_text(enum l7_text which, const char *text) {
    const char *texts[L7_TEXTS] = {NULL};
    texts[which] = text;
    example_set_texts(&example, texts);
}

static void set_address(const char *text) {
    example.flow.ip_version = strchr(text, ':') != NULL ? 6 : 4;
    memset(example.flow.key.address_a, 0, 16);
    assert_int_equal(
        inet_pton(example.flow.ip_version == 6 ? AF_INET6 : AF_INET, text, example.flow.key.address_a), 1);
}

#define HASH_OF_SOURCE \
    "92792dbb2cdec5b3f00235e720f6a17982c9effb059b8c148477ab260377d7ce6274054312856e05da5d195e2e4d73a3cf4d44f37b75e0dd38307567c5d5dcce"

static void addresses(void **state) {
    (void)state;
    struct bench bench = OPEN(PROFILE_NATIVE, "jsonl", "src_ip=hash", "dst_ip=prefix_preserving", "mac=keep");
    assert_field(&bench, "src_ip", "\"" HASH_OF_SOURCE "\"");
    assert_field(&bench, "dst_ip", "\"46.2.228.100\"");
    close_bench(&bench);
    bench = OPEN(PROFILE_NATIVE, "jsonl", "src_ip=prefix_preserving", "dst_ip=drop");
    assert_field(&bench, "src_ip", "\"84.46.226.109\"");
    assert_field(&bench, "dst_ip", "\"\"");
    set_address("2001:db8::1");
    assert_field(&bench, "src_ip", "\"dfe1:8e3f:ef0d:ff00:3c6:3ef:c0e3:1fc\"");
    close_bench(&bench);
}

static void truncation(void **state) {
    (void)state;
    static const struct {
        const char *method, *address, *kept;
    } cases[] = {
        {"src_ip=truncate", "172.31.3.224", "\"172.31.3.0\""},
        {"src_ip=truncate:0,0", "172.31.3.224", "\"0.0.0.0\""},
        {"src_ip=truncate:32,0", "172.31.3.224", "\"172.31.3.224\""},
        {"src_ip=truncate:13,0", "172.31.3.224", "\"172.24.0.0\""},
        {"src_ip=truncate:31,0", "172.31.3.225", "\"172.31.3.224\""},
        {"src_ip=truncate", "2001:db8:1234:5678::1", "\"2001:db8:1234::\""},
        {"src_ip=truncate:0,52", "2001:db8:1234:5678::1", "\"2001:db8:1234:5000::\""},
        {"src_ip=truncate:0,128", "2001:db8:1234:5678::1", "\"2001:db8:1234:5678::1\""},
        {"src_ip=truncate:0,0", "2001:db8:1234:5678::1", "\"::\""},
        {"src_ip=truncate", "::ffff:10.1.2.3", "\"::\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench bench = OPEN(PROFILE_NATIVE, "jsonl", cases[i].method);
        set_address(cases[i].address);
        assert_field(&bench, "src_ip", cases[i].kept);
        assert_field(&bench, "anon_key_id", "null");
        close_bench(&bench);
    }
}

static void mac_addresses(void **state) {
    (void)state;
    struct bench bench = OPEN(PROFILE_NATIVE, "jsonl", "mac=keep_oui");
    assert_field(&bench, "src_mac", "\"80:c6:ca:00:5b:02\"");
    assert_field(&bench, "src_oui", "\"80:c6:ca\"");
    assert_field(&bench, "dst_mac", "\"00:0e:8e:72:7f:97\"");
    memcpy(example.flow.source_mac, "\x02\x42\xac\x11\x00\x02", 6);
    assert_field(&bench, "src_mac", "\"ae:93:0a:b2:31:8e\"");
    assert_field(&bench, "src_oui", "\"ae:93:0a\"");
    example.flow.first_flags = 0;
    assert_field(&bench, "src_mac", "null");
    close_bench(&bench);
    bench = OPEN(PROFILE_NATIVE, "jsonl", "mac=drop");
    assert_field(&bench, "src_mac", "null");
    assert_field(&bench, "dst_oui", "null");
    close_bench(&bench);
    /* Zeros are how NFStream says that there was none. */
    bench = OPEN(PROFILE_NFSTREAM, "jsonl", "mac=keep_oui", "dst_mac=drop");
    assert_field(&bench, "src_mac", "\"80:c6:ca:00:5b:02\"");
    assert_field(&bench, "dst_mac", "\"\"");
    example.flow.first_flags = 0;
    memset(example.flow.source_mac, 0, 6);
    assert_field(&bench, "src_mac", "\"00:00:00:00:00:00\"");
    assert_field(&bench, "src_oui", "\"00:00:00\"");
    close_bench(&bench);
}

static void server_names(void **state) {
    (void)state;
    static const struct {
        const char *name, *hashed, *cut;
    } cases[] = {
        {"www.google.com", "\"f98cd0f32f52f4f9.google.com\"", "\"google.com\""},
        {"WWW.Google.com.", "\"f98cd0f32f52f4f9.google.com\"", "\"google.com\""},
        {"google.com", "\"google.com\"", "\"google.com\""},
        {"7.113.0.203.in-addr.arpa", "\"3bc1846cdad335f4.in-addr.arpa\"", "\"in-addr.arpa\""},
        {"203.0.113.7", "\"62c8c073907b9c7a\"", "null"},
        {"alices-macbook.local", "\"6860031648311d66\"", "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench bench = OPEN(PROFILE_NATIVE, "jsonl", "name=keep_registered_domain");
        set_text(L7_SERVER_NAME, cases[i].name);
        assert_field(&bench, "requested_server_name", cases[i].hashed);
        close_bench(&bench);
        bench = OPEN(PROFILE_NATIVE, "jsonl", "name=keep_registered_domain:cut");
        set_text(L7_SERVER_NAME, cases[i].name);
        assert_field(&bench, "requested_server_name", cases[i].cut);
        assert_field(&bench, "user_agent", "null");
        close_bench(&bench);
    }
}

/* The longest name, and of bytes that each become three. */
static void long_names(void **state) {
    (void)state;
    static char name[EXAMPLE_TEXT_ROOM];
    memset(name, '\xFF', sizeof name - 1);
    struct bench bench = OPEN(PROFILE_NATIVE, "avro", "name=keep_registered_domain");
    set_text(L7_SERVER_NAME, name);
    struct message message;
    assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
    assert_null(memmem(message.body, message.body_length, "\xEF\xBF\xBD", 3));
    close_bench(&bench);
}

static void texts(void **state) {
    (void)state;
    struct bench bench = OPEN(PROFILE_NATIVE, "jsonl", "agent=short_hash", "fingerprint=drop");
    set_text(L7_USER_AGENT, "curl/8.0");
    assert_field(&bench, "user_agent", "\"0fb4d33f0a25d21c\"");
    assert_field(&bench, "ja3", "null");
    set_text(L7_USER_AGENT, NULL);
    assert_field(&bench, "user_agent", "null");
    close_bench(&bench);
    /* NFStream's columns are texts even where nothing was seen, and it hashes them. */
    bench = OPEN(PROFILE_NFSTREAM, "jsonl", "user_agent", "client_fingerprint=drop");
    assert_field(
        &bench, "user_agent",
        "\"5a10636fc64071ec031274df359e79309eb0da014e8665e37930edcf4189c0fe009051f76512448f760cf3e8479c11f8b1f1a6ff544ac20e004f51f677e16236\"");
    assert_field(&bench, "client_fingerprint", "null");
    close_bench(&bench);
}

/* conn_key has no time in it: it would tie together what a change of the key of pseudonyms takes apart. */
static void a_conversations_key_becomes_a_pseudonym(void **state) {
    (void)state;
    struct bench bench = OPEN(PROFILE_NATIVE, "jsonl", "fingerprint=short_hash");
    example.identity.conn_key = (struct hash_key){{3, 4}};
    assert_field(&bench, "conn_key", "\"912765174754958a\"");
    close_bench(&bench);
    bench = OPEN(PROFILE_NATIVE, "jsonl", "all=drop");
    assert_field(&bench, "conn_key", "null");
    close_bench(&bench);
}

/* As CSV and JSON lines any column can be hashed: the text is what NFStream's str() gives. */
static void columns_of_other_types(void **state) {
    (void)state;
    struct bench bench = OPEN(PROFILE_NFSTREAM, "jsonl", "dst_port");
    assert_field(
        &bench, "dst_port",
        "\"e69b88ceb5d39b8181573423d0d866f2a7affa1da625fd5717d0fe38f6e84dc43332f090e45db40dc6ab4cf98583962c721df924b1033a8f9cb0657ad8206ab2\"");
    close_bench(&bench);
    bench = OPEN(PROFILE_NATIVE, "jsonl", "application_is_guessed=short_hash", "quality_flags=short_hash");
    example.l7.guessed = true;
    example.flow.first_tcp_flags = TCP_ACK;
    assert_field(&bench, "application_is_guessed", "\"c314f296acf782ac\"");
    close_bench(&bench);
}

static void rekey(struct bench *bench, const struct anonymize_key *next) {
    assert_int_equal(recorder_prepare_key(bench->recorder, next), 0);
    recorder_end_rekeying(bench->recorder, true);
}

static void a_new_key_is_in_force_from_the_next_record_on(void **state) {
    (void)state;
    struct anonymize_key next = {{1}};
    struct message message;
    char before[17];
    struct bench bench = OPEN(PROFILE_NATIVE, "jsonl", "address=hash");
    assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
    assert_string_equal(message.anon_key_id, "6c7e72710f488e2b");
    strcpy(before, message.anon_key_id);
    assert_field(&bench, "anon_key_id", "\"6c7e72710f488e2b\"");
    /* Being ready changes nothing, and what was forgotten is not taken later. */
    assert_int_equal(recorder_prepare_key(bench.recorder, &next), 0);
    assert_field(&bench, "src_ip", "\"" HASH_OF_SOURCE "\"");
    recorder_end_rekeying(bench.recorder, false);
    recorder_end_rekeying(bench.recorder, true);
    assert_field(&bench, "src_ip", "\"" HASH_OF_SOURCE "\"");
    rekey(&bench, &next);
    assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
    assert_int_equal(message.seq, 4);
    assert_string_not_equal(message.anon_key_id, before);
    assert_null(memmem(message.body, message.body_length, HASH_OF_SOURCE, 128));
    assert_non_null(memmem(message.body, message.body_length, message.anon_key_id, 16));
    rekey(&bench, &key);
    assert_field(&bench, "src_ip", "\"" HASH_OF_SOURCE "\"");
    close_bench(&bench);
}

static void without_a_keyed_method_there_is_no_id(void **state) {
    (void)state;
    struct message message;
    struct bench bench = OPEN(PROFILE_NATIVE, "jsonl", "address=truncate", "mac=drop");
    assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
    assert_string_equal(message.anon_key_id, "");
    rekey(&bench, &key);
    assert_field(&bench, "anon_key_id", "null");
    close_bench(&bench);
}

static void nothing_is_allocated(void **state) {
    (void)state;
    static const char *const methods[][5] = {
        {"address=prefix_preserving", "mac=keep_oui", "name=keep_registered_domain", "agent=short_hash",
         "fingerprint=hash"},
        {"address=hash", "mac=short_hash", "name=keep_registered_domain:cut", "agent=drop",
         "fingerprint=short_hash"},
        {"address=truncate:20,40", "mac=drop", "name=hash", "agent=hash", "fingerprint=drop"},
    };
    static const char *const names[] = {"www.example.co.uk", "b\xFF.local", NULL, "10.1.2.3",
                                        "a.b.c.d.e.f.de"};
    for (size_t i = 0; i < 9; i++) {
        const char *encoding = (const char *const[]){"avro", "csv", "jsonl"}[i / 3];
        struct bench bench = open_bench(PROFILE_NATIVE, encoding, methods[i % 3], 5);
        size_t before = 0;
        for (unsigned round = 0; round < 1000; round++) {
            struct message message;
            set_text(L7_SERVER_NAME, names[round % 5]);
            set_address(round % 2 ? "2001:db8::1" : "10.1.2.3");
            example.flow.source_mac[5] = (uint8_t)round;
            example.flow.first_flags = round % 3 ? PACKET_HAS_MAC : 0;
            if (round == 10)
                before = allocations;
            assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
        }
        assert_true(before > 0);
        assert_int_equal(allocations, before);
        close_bench(&bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversations_key_becomes_a_pseudonym),
        cmocka_unit_test(addresses),
        cmocka_unit_test(truncation),
        cmocka_unit_test(mac_addresses),
        cmocka_unit_test(server_names),
        cmocka_unit_test(long_names),
        cmocka_unit_test(texts),
        cmocka_unit_test(columns_of_other_types),
        cmocka_unit_test(a_new_key_is_in_force_from_the_next_record_on),
        cmocka_unit_test(without_a_keyed_method_there_is_no_id),
        cmocka_unit_test(nothing_is_allocated),
    };
    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (uint8_t)i;
    count_allocations();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
