/* conn_key: of what is equal at every place that sees a conversation, and of nothing else. flow_uid's test is in
 * recorder_message_test.c, since messages have it as their key. */
#include "record/field/flow_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/example_flow.h"

static const struct hash_key key = {{3, 4}};

static void assert_conn_key(const struct flow *flow, const char *expected, bool equal) {
    char digits[FLOW_HASH_DIGITS + 1] = "";
    flow_hash_conversation(&key, flow, digits);
    if ((strcmp(digits, expected) == 0) != equal)
        fail_msg("%s, expected %s%s", digits, equal ? "" : "another one than ", expected);
}

/* 172.31.3.224:42835 and 216.58.212.100:443, TCP over IPv4; by tests/strangers/siphash.py. */
static const char known[] = "02ea8a3c15fb898e219467ab600ed905";

static void is_of_the_ends_and_protocols(void **state) {
    (void)state;
    struct example example;
    example_init(&example, PROFILE_NATIVE);
    struct flow *flow = &example.flow;
    assert_conn_key(flow, known, true);
#define CHANGE(field, same)                 \
    do {                                    \
        (field) ^= 1;                       \
        assert_conn_key(flow, known, same); \
        (field) ^= 1;                       \
    } while (0)
    CHANGE(flow->key.address_a[0], false);
    CHANGE(flow->key.address_a[15], false);
    CHANGE(flow->key.address_b[0], false);
    CHANGE(flow->key.port_a, false);
    CHANGE(flow->key.port_b, false);
    CHANGE(flow->key.protocol, false);
    CHANGE(flow->ip_version, false);
    /* What differs between two places. */
    CHANGE(flow->key.vlan_id, true);
    CHANGE(flow->key.tunnel, true);
    CHANGE(flow->key.ip_version, true);
    CHANGE(flow->uid_time, true);
    CHANGE(flow->uid_series, true);
    CHANGE(flow->slice, true);
    CHANGE(flow->source_is_b, true);
    CHANGE(flow->ways[0].first_seen, true);
#undef CHANGE
}

static void depends_on_the_key(void **state) {
    (void)state;
    struct example example;
    char digits[FLOW_HASH_DIGITS + 1] = "";
    example_init(&example, PROFILE_NATIVE);
    for (int word = 0; word < 2; word++) {
        struct hash_key other = key;
        other.word[word] ^= 1;
        flow_hash_conversation(&other, &example.flow, digits);
        assert_string_not_equal(digits, known);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_of_the_ends_and_protocols),
        cmocka_unit_test(depends_on_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
