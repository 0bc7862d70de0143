/* Recorders: what a record says of a flow. */
#include "record/recorder_bench.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* The next record as JSON. */
static json_t *make_json(struct recorder *recorder) {
    struct message message;
    assert_int_equal(recorder_make(recorder, &example.flow, &message), 0);
    json_t *root = json_loadb((const char *)message.body, message.body_length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

/* Values of single fields, written as JSON. */
struct expectation {
    const char *field, *value;
};

static void assert_fields(struct recorder *recorder, const struct expectation *expectations, size_t count) {
    json_t *root = make_json(recorder);
    for (size_t i = 0; i < count; i++) {
        char *text = json_dumps(json_object_get(root, expectations[i].field),
                                JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
        if (text == NULL || strcmp(text, expectations[i].value) != 0)
            fail_msg("%s is %s, not %s", expectations[i].field, text != NULL ? text : "absent",
                     expectations[i].value);
        free(text);
    }
    json_decref(root);
}

#define ASSERT_FIELDS(recorder, ...)                                                         \
    do {                                                                                     \
        static const struct expectation expectations[] = {__VA_ARGS__};                      \
        assert_fields(recorder, expectations, sizeof expectations / sizeof expectations[0]); \
    } while (0)

static void native_values(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    example.flow.key.tunnel = 2;
    ASSERT_FIELDS(
        bench.recorder, {"sensor_id", "\"sensor-1\""},
        {"boot_id", "\"6fa459ea-ee8a-4ca4-894e-db77e160355e\""}, {"output", "\"main\""}, {"seq", "0"},
        {"slice", "0"}, {"record_kind", "\"final\""}, {"revision", "0"}, {"end_reason", "\"end_of_input\""},
        {"quality_flags", "[]"}, {"src_ip", "\"172.31.3.224\""}, {"src_mac", "\"80:c6:ca:00:9e:9f\""},
        {"src_oui", "\"80:c6:ca\""}, {"src_port", "42835"}, {"dst_ip", "\"216.58.212.100\""},
        {"dst_mac", "\"00:0e:8e:4d:b4:a8\""}, {"dst_oui", "\"00:0e:8e\""}, {"dst_port", "443"},
        {"protocol", "6"}, {"ip_version", "4"}, {"vlan_id", "7"}, {"tunnel_id", "2"}, {"icmp_type", "null"},
        {"icmp_code", "null"}, {"bidirectional_first_seen", "1434443394000000"},
        {"dst2src_last_seen", "1434443400000004"}, {"dst2src_duration_us", "5999970"},
        {"bidirectional_packets", "28"}, {"src2dst_bytes", "1512"}, {"dst2src_min_ps", "54"},
        {"src2dst_max_ps", "1484"}, {"bidirectional_max_piat_us", "995123"}, {"src2dst_syn_packets", "10"},
        {"dst2src_fin_packets", "27"}, {"splt_direction", "[0,1,0]"}, {"splt_ps", "[60,157,254]"},
        {"splt_piat_us", "[0,1000003,2000006]"}, {"application_name", "\"TLS.Google\""},
        {"application_category_name", "\"Web\""}, {"application_is_guessed", "false"},
        {"application_confidence", "6"}, {"requested_server_name", "\"www.google.com\""},
        {"user_agent", "null"}, {"content_type", "null"}, {"ja3", "\"bc6c386f480ee97b9d9e52d472b772d8\""},
        {"ja3s", "\"67619a80665d7ab92d1041b1d11f9164\""}, {"ja4", "null"}, {"hassh", "null"},
        {"hassh_server", "null"}, {"dhcp_fingerprint", "null"}, {"ndpi_version", "\"4.2.0\""},
        {"system_process_pid", "4711"}, {"system_process_name", "\"curl\""},
        {"system_process_end", "\"src\""}, {"system_process_executable", "\"/usr/bin/curl\""},
        {"system_user_id", "1000"},
        {"system_cgroup",
         "\"/kubepods/pod1/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""},
        {"system_container_id", "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""});
    example.process_feature.end = END_DESTINATION;
    strcpy(example.process.name, "\xff");
    ASSERT_FIELDS(bench.recorder, {"system_process_end", "\"dst\""}, {"system_process_name", "\"\uFFFD\""});
    close_bench(bench);
}

/* Statistics by hand: sqrt(m2 / (n - 1)) over 28 packets, and over their 27 intervals. */
static void native_doubles(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    json_t *root = make_json(bench.recorder);
    assert_true(json_real_value(json_object_get(root, "bidirectional_mean_ps")) == 325.2857142857144);
    double stddev = json_real_value(json_object_get(root, "bidirectional_stddev_ps"));
    assert_true(stddev * stddev * 27 > 6754045.71 && stddev * stddev * 27 < 6754045.72);
    stddev = json_real_value(json_object_get(root, "bidirectional_stddev_piat_us"));
    assert_true(stddev * stddev * 26 > 2730151480.9 && stddev * stddev * 26 < 2730151481.1);
    json_decref(root);
    close_bench(bench);
}

static void absent_values(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct flow *flow = &example.flow;
    flow->ways[1] = FLOW_NO_COUNTERS;
    flow->first_flags = PACKET_HAS_ICMP;
    flow->icmp_type = 8;
    flow->icmp_code = 255;
    flow->key.protocol = 1;
    example.l7 = (struct l7){0};
    example.process.user_id = -1;
    example.process.executable[0] = example.process.cgroup[0] = example.process.container_id[0] = '\0';
    ASSERT_FIELDS(bench.recorder, {"system_process_pid", "4711"}, {"system_process_executable", "null"},
                  {"system_user_id", "null"}, {"system_cgroup", "null"}, {"system_container_id", "null"});
    example.process_feature.process = NULL;
    ASSERT_FIELDS(bench.recorder, {"system_process_pid", "null"}, {"system_process_name", "null"},
                  {"system_process_end", "null"}, {"system_process_executable", "null"},
                  {"system_user_id", "null"}, {"system_cgroup", "null"}, {"system_container_id", "null"},
                  {"dst2src_first_seen", "null"}, {"dst2src_last_seen", "null"}, {"dst2src_duration_us", "0"},
                  {"dst2src_packets", "0"}, {"src_mac", "null"}, {"dst_oui", "null"}, {"icmp_type", "8"},
                  {"icmp_code", "255"}, {"application_name", "\"Unknown\""},
                  {"application_category_name", "\"Unspecified\""}, {"requested_server_name", "null"},
                  {"quality_flags", "[]"});
    close_bench(bench);
}

/* Labels' names are checked once, where the label is made. */
static void names_of_labels(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct l7_label *label = &example.labels[1];
    label->name_clean = 3;
    label->category_clean = 2;
    ASSERT_FIELDS(bench.recorder, {"application_name", "\"TLS\""}, {"application_category_name", "\"We\""});
    strcpy(label->name, "\xff");
    label->category_name = "\xff";
    label->name_clean = label->category_clean = 0;
    ASSERT_FIELDS(bench.recorder, {"application_name", "\"\uFFFD\""},
                  {"application_category_name", "\"\uFFFD\""});
    close_bench(bench);
}

/* A flow that began an hour after the wall clock had been set back by one: absolute times are that clock's, others
 * stay. */
static void times_are_the_wall_clocks(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct flow *flow = &example.flow;
    flow->to_wall = INT64_C(-3600000000);
    flow->ways[1] = FLOW_NO_COUNTERS;
    ASSERT_FIELDS(bench.recorder, {"bidirectional_first_seen", "1434439794000000"},
                  {"bidirectional_duration_us", "6000067"}, {"dst2src_first_seen", "null"});
    close_bench(bench);
    bench = open_bench("nfstream/v1", "jsonl", PROFILE_NFSTREAM, EXAMPLE_ALL_GROUPS);
    flow->to_wall = -3600000;
    flow->ways[1] = FLOW_NO_COUNTERS;
    ASSERT_FIELDS(bench.recorder, {"bidirectional_first_seen_ms", "1434439794000"},
                  {"bidirectional_last_seen_ms", "1434439800067"}, {"bidirectional_duration_ms", "6067"},
                  {"dst2src_first_seen_ms", "0"}, {"dst2src_last_seen_ms", "0"});
    close_bench(bench);
}

static void nfstream_values(void **state) {
    (void)state;
    struct bench bench = open_bench("nfstream/v1", "jsonl", PROFILE_NFSTREAM, EXAMPLE_ALL_GROUPS);
    struct flow *flow = &example.flow;
    flow->ways[1] = FLOW_NO_COUNTERS;
    flow->first_flags = 0;
    memset(flow->source_mac, 0, 6);
    example.l7.guessed = true;
    ASSERT_FIELDS(bench.recorder, {"id", "0"}, {"expiration_id", "0"}, {"src_mac", "\"00:00:00:00:00:00\""},
                  {"src_oui", "\"00:00:00\""}, {"bidirectional_first_seen_ms", "1434443394000"},
                  {"bidirectional_duration_ms", "6067"}, {"dst2src_first_seen_ms", "0"},
                  {"dst2src_last_seen_ms", "0"},
                  {"splt_direction", "[0,1,0,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1]"},
                  {"splt_ps", "[60,157,254,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1]"},
                  {"splt_piat_ms", "[0,1000003,2000006,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1]"},
                  {"application_is_guessed", "1"}, {"client_fingerprint", "\"\""}, {"user_agent", "\"\""},
                  {"server_fingerprint", "\"67619a80665d7ab92d1041b1d11f9164\""},
                  {"system_process_pid", "4711"}, {"system_process_name", "\"curl\""});
    flow->end_reason = END_ACTIVE;
    example.process_feature.process = NULL;
    ASSERT_FIELDS(bench.recorder, {"id", "1"}, {"expiration_id", "1"}, {"system_process_pid", "-1"},
                  {"system_process_name", "\"\""});
    flow->end_reason = END_EVICTED;
    ASSERT_FIELDS(bench.recorder, {"id", "2"}, {"expiration_id", "0"});
    const char *const ssh[L7_TEXTS] = {[L7_HASSH_CLIENT] = "CLIENT", [L7_HASSH_SERVER] = "SERVER"};
    example_set_texts(&example, ssh);
    ASSERT_FIELDS(bench.recorder, {"client_fingerprint", "\"CLIENT\""}, {"server_fingerprint", "\"SERVER\""});
    const char *const tls[L7_TEXTS] = {
        [L7_JA3_CLIENT] = "JA3", [L7_JA4_CLIENT] = "JA4", [L7_JA3_SERVER] = "JA3S"};
    example_set_texts(&example, tls);
    ASSERT_FIELDS(bench.recorder, {"client_fingerprint", "\"JA4\""}, {"server_fingerprint", "\"JA3S\""});
    const char *const dhcp[L7_TEXTS] = {[L7_DHCP_FINGERPRINT] = "1,3,6"};
    example_set_texts(&example, dhcp);
    ASSERT_FIELDS(bench.recorder, {"client_fingerprint", "\"1,3,6\""}, {"server_fingerprint", "\"\""});
    close_bench(bench);
}

static void quality_flags(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct flow *flow = &example.flow;
    flow->first_tcp_flags = TCP_ACK;
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[\"midstream\"]"});
    flow->slice = 1; /* of the flow that began so */
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[\"midstream\"]"}, {"slice", "1"});
    flow->first_tcp_flags = TCP_SYN | TCP_ECE | TCP_CWR;
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[]"});
    flow->slice = 0;
    flow->first_tcp_flags = TCP_SYN | TCP_ACK;
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[\"midstream\"]"});
    flow->key.protocol = 17;
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[]"});
    flow->key.protocol = 6;
    flow->seen_flags = PACKET_TRUNCATED | PACKET_TIME_RAISED | PACKET_OFFLOAD | PACKET_FRAGMENT;
    flow->end_reason = END_EVICTED;
    example.l7.guessed = example.l7.undissected = true;
    recorder_loss(bench.recorder, flow_counters(flow, BIDIRECTIONAL).first_seen);
    ASSERT_FIELDS(
        bench.recorder,
        {"quality_flags",
         "[\"midstream\",\"truncated\",\"time_raised\",\"loss_window\",\"guessed_label\",\"undissected\",\"evicted\",\"offload\",\"fragment\"]"},
        {"end_reason", "\"evicted\""});
    /* This flow began after the loss. */
    recorder_loss(bench.recorder, flow_counters(flow, BIDIRECTIONAL).first_seen - 1);
    flow->seen_flags = 0;
    ASSERT_FIELDS(bench.recorder,
                  {"quality_flags", "[\"midstream\",\"guessed_label\",\"undissected\",\"evicted\"]"});
    /* What takes the recorder's place knows of the loss too. */
    struct bench next = open_bench("flow/v2", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    recorder_loss(bench.recorder, flow_counters(flow, BIDIRECTIONAL).first_seen);
    ASSERT_FIELDS(next.recorder, {"quality_flags", "[]"});
    recorder_follow(next.recorder, bench.recorder);
    ASSERT_FIELDS(next.recorder, {"quality_flags", "[\"loss_window\"]"});
    close_bench(next);
    close_bench(bench);
}

static void what_overload_did_is_flagged(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v2", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct flow *flow = &example.flow;
    example.meter.overload.sampling_rate = 8;
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[]"}, {"sampling_rate", "1"});
    flow->short_idle = 1;
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[\"short_idle\"]"}, {"sampling_rate", "1"});
    flow->short_idle = 0;
    flow->sampled = 1;
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[\"sampled\"]"}, {"sampling_rate", "8"});
    flow->no_splt = flow->partial_start = 1;
    ASSERT_FIELDS(bench.recorder, {"quality_flags", "[\"no_splt\",\"sampled\",\"partial_start\"]"},
                  {"sampling_rate", "8"});
    close_bench(bench);
}

/* Which of its two numbers nDPI leaves 0 is no matter where the label has one part. */
static void ids_of_labels(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v2", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    const struct {
        uint16_t master, application;
        const char *application_id, *protocol_id;
    } labels[] = {{91, 126, "126", "91"},
                  {0, 91, "91", "91"},
                  {91, 0, "91", "91"},
                  {91, 91, "91", "91"},
                  {0, 0, "0", "0"}};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        example.labels[1].master = labels[i].master;
        example.labels[1].application = labels[i].application;
        const struct expectation expected[] = {{"application_id", labels[i].application_id},
                                               {"application_protocol_id", labels[i].protocol_id}};
        assert_fields(bench.recorder, expected, 2);
    }
    example.l7 = (struct l7){0};
    ASSERT_FIELDS(bench.recorder, {"application_name", "\"Unknown\""}, {"application_id", "0"},
                  {"application_protocol_id", "0"});
    close_bench(bench);
}

/* flow/v1 can't tell; its vlan_id stays 0. */
static void without_a_vlan_the_id_is_null(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v2", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    ASSERT_FIELDS(bench.recorder, {"dot1q_vlan_id", "7"}, {"vlan_id", "7"});
    example.flow.key.vlan_id = 0;
    ASSERT_FIELDS(bench.recorder, {"dot1q_vlan_id", "null"}, {"vlan_id", "0"});
    close_bench(bench);
}

/* What was on the wire does not spoil a record. */
static void texts_are_made_clean(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    const char *const bad[L7_TEXTS] = {[L7_SERVER_NAME] = "b\xFF\"\n", [L7_USER_AGENT] = "\xE2\x82"};
    example_set_texts(&example, bad);
    ASSERT_FIELDS(bench.recorder, {"requested_server_name", "\"b\xEF\xBF\xBD\\\"\\n\""},
                  {"user_agent", "\"\xEF\xBF\xBD\""});

    static char longest[EXAMPLE_TEXT_ROOM];
    memset(longest, '\xFF', sizeof longest - 1);
    const char *const big[L7_TEXTS] = {[L7_SERVER_NAME] = longest};
    example_set_texts(&example, big);
    json_t *root = make_json(bench.recorder);
    assert_int_equal(json_string_length(json_object_get(root, "requested_server_name")), 65535);
    json_decref(root);
    close_bench(bench);
}

static const char *const captures[] = {"/captures/a.pcap", "b\xFF.pcap"};

/* What the record of a flow of the second capture says, as JSON; `rule`: of columns_to_anonymize, or NULL. */
static void assert_column(const char *schema, const char *const *files, const char *rule,
                          const char *expected) {
    struct bench bench = {0};
    struct anonymize_policy policy;
    struct error error;
    example_init(&example, PROFILE_NATIVE);
    example.flow.place.capture_file = 1;
    assert_int_equal(schema_load(schema, NULL, false, &bench.schema, NULL), 0);
    const struct anonymize_request request = {.output = "main",
                                              .schema = bench.schema,
                                              .profile = PROFILE_NATIVE,
                                              .items = &rule,
                                              .item_count = rule != NULL,
                                              .as_text = true};
    assert_int_equal(anonymize_policy_make(&request, &policy, NULL), 0);
    const struct recorder_options options = {.output = "main",
                                             .schema = bench.schema,
                                             .encoding = encoding_find("jsonl"),
                                             .identity = &example.identity,
                                             .groups_on = EXAMPLE_ALL_GROUPS,
                                             .capture_files = files,
                                             .policy = &policy};
    if (recorder_create(&options, &bench.recorder, &error) < 0)
        fail_msg("%s", error.text);
    json_t *root = make_json(bench.recorder);
    char *text = json_dumps(json_object_get(root, "capture_file"), JSON_ENCODE_ANY);
    assert_string_equal(text != NULL ? text : "absent", expected);
    free(text);
    json_decref(root);
    close_bench(bench);
    anonymize_policy_release(&policy);
}

/* A name comes once (make_json() refuses twins), from the schema's field or behind it, and by the policy. */
static void which_capture_a_flow_is_of(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *schema = i == 0 ? "flow/v1" : "flow/v2";
        assert_column(schema, captures, NULL, "\"b\xEF\xBF\xBD.pcap\"");
        assert_column(schema, captures, "user=drop", "null");
        assert_column(schema, captures, "address=drop", "\"b\xEF\xBF\xBD.pcap\"");
    }
    assert_column("flow/v1", NULL, NULL, "absent");
    assert_column("flow/v2", NULL, NULL, "null");
}

static void conversations_are_named_where_there_is_a_key(void **state) {
    (void)state;
    for (int on = 0; on < 2; on++) {
        unsigned groups = EXAMPLE_ALL_GROUPS & ~(on ? 0 : 1u << GROUP_CONVERSATION);
        struct bench bench = open_bench("flow/v2", "jsonl", PROFILE_NATIVE, groups);
        example.identity.conn_key = (struct hash_key){{3, 4}};
        json_t *root = make_json(bench.recorder);
        const char *text = json_string_value(json_object_get(root, "conn_key"));
        assert_string_equal(text != NULL ? text : "absent",
                            on ? "02ea8a3c15fb898e219467ab600ed905" : "absent");
        json_decref(root);
        close_bench(bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_values),
        cmocka_unit_test(native_doubles),
        cmocka_unit_test(absent_values),
        cmocka_unit_test(names_of_labels),
        cmocka_unit_test(times_are_the_wall_clocks),
        cmocka_unit_test(nfstream_values),
        cmocka_unit_test(quality_flags),
        cmocka_unit_test(what_overload_did_is_flagged),
        cmocka_unit_test(ids_of_labels),
        cmocka_unit_test(without_a_vlan_the_id_is_null),
        cmocka_unit_test(texts_are_made_clean),
        cmocka_unit_test(which_capture_a_flow_is_of),
        cmocka_unit_test(conversations_are_named_where_there_is_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
