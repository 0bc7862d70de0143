/* Which new flows an overloaded meter takes: by a hash while it samples, none while it sheds. */
#include "meter/conversation.h"
#include "meter/overload_bench.h"

enum { CONVERSATIONS = 8000 };

/* Which conversations a meter takes: bit set. Each has two packets, the first one `back` or not. */
struct choice {
    bool taken[CONVERSATIONS];
    uint64_t count;
};

static void choose(struct choice *choice, uint32_t rate, const struct hash_key *of, bool back) {
    struct bench bench;
    plan(&bench, STEPS(OVERLOAD_sampling));
    bench.options.flow_table_size = CONVERSATIONS;
    bench.options.overload.sampling_rate = rate;
    bench.options.overload.key = *of;
    start(&bench);
    enter(&bench);
    *choice = (struct choice){0};
    for (uint32_t i = 0; i < CONVERSATIONS; i++) {
        uint64_t before = statistics_of(&bench).flows_open;
        take(&bench, 0, i, back);
        take(&bench, 0, i, !back);
        choice->taken[i] = statistics_of(&bench).flows_open > before;
        choice->count += choice->taken[i];
    }
    struct meter_statistics statistics = statistics_of(&bench);
    assert_int_equal(statistics.packets_sampled_out, 2 * (CONVERSATIONS - choice->count));
    meter_finish(bench.fixture.meter, END_OF_INPUT);
    for (size_t i = 0; i < bench.fixture.count; i++) {
        assert_true(bench.fixture.exported[i].flow.sampled);
        assert_false(bench.fixture.exported[i].flow.partial_start);
        assert_int_equal(flow_packets(&bench.fixture.exported[i].flow, BIDIRECTIONAL), 2);
    }
    finish(&bench);
}

/* The share is the rate's within five standard deviations; another meter with the key, or who sees the answer first, takes the
 * same, and a higher rate some of them. */
static void sampling_takes_a_share_that_all_meters_agree_on(void **state) {
    (void)state;
    static struct choice first, again, higher, other;
    static const struct hash_key another = {{3, 5}};
    choose(&first, RATE, &key, false);
    assert_in_range(first.count, CONVERSATIONS / RATE - 148, CONVERSATIONS / RATE + 148);
    choose(&again, RATE, &key, true);
    assert_memory_equal(first.taken, again.taken, sizeof first.taken);
    choose(&other, RATE, &another, false);
    assert_memory_not_equal(first.taken, other.taken, sizeof first.taken);
    choose(&higher, 3 * RATE, &key, false);
    assert_in_range(higher.count, CONVERSATIONS / RATE / 3 - 90, CONVERSATIONS / RATE / 3 + 90);
    for (size_t i = 0; i < CONVERSATIONS; i++)
        assert_true(!higher.taken[i] || first.taken[i]);
}

/* What is sampled is the conversation, so a consumer can tell by conn_key. */
static void sampling_is_by_the_hash_of_the_conversation(void **state) {
    (void)state;
    static struct choice choice;
    choose(&choice, RATE, &key, false);
    for (uint32_t i = 0; i < CONVERSATIONS; i++) {
        struct packet packet = at(PROFILE_NATIVE, 0, i, false);
        struct flow_key ends = {.port_a = 80, .port_b = 4000, .protocol = UDP}; /* host 1 is the lower one */
        memcpy(ends.address_a, packet.destination, sizeof ends.address_a);
        memcpy(ends.address_b, packet.source, sizeof ends.address_b);
        struct hash128 hash = conversation_hash(&key, &ends, 4);
        assert_int_equal(hash.bytes[0] < 256 / RATE, choice.taken[i]);
    }
}

static void open_flows_go_on_while_new_ones_are_shed(void **state) {
    (void)state;
    struct bench bench;
    begin(&bench, STEPS(OVERLOAD_shedding));
    take(&bench, 0, 1, false);
    enter(&bench);
    take(&bench, 1, 1, true);
    take(&bench, 1, 2, false);
    take(&bench, 2, 2, true);
    struct meter_statistics statistics = statistics_of(&bench);
    assert_int_equal(statistics.flows_open, 1);
    assert_int_equal(statistics.packets_shed, 2);
    /* The open flow is over, and the packet that tells begins none. */
    take(&bench, 1 + IDLE_MS, 1, false);
    assert_int_equal(flow_packets(ended(&bench, 0, END_IDLE), BIDIRECTIONAL), 2);
    statistics = statistics_of(&bench);
    assert_int_equal(statistics.flows_open, 0);
    assert_int_equal(statistics.packets_shed, 3);
    leave(&bench);
    take(&bench, 1 + IDLE_MS, 1, false);
    assert_int_equal(statistics_of(&bench).flows_open, 1);
    finish(&bench);
}

/* For as long as a flow may be silent, one that begins may have begun before. */
static void what_begins_soon_after_is_partial(void **state) {
    (void)state;
    static const enum overload_step steps[] = {OVERLOAD_shedding, OVERLOAD_sampling};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct bench bench;
        begin(&bench, &steps[i], 1);
        take(&bench, 0, 1, false);
        enter(&bench);
        uint64_t open = 1;
        for (uint32_t number = 2; number < 50; number++) /* one at least is not taken */
            take(&bench, 1, number, false);
        leave(&bench);
        open = statistics_of(&bench).flows_open;
        take(&bench, IDLE_MS, 60, false);
        assert_false(look(&bench, 0, 1));
        take(&bench, IDLE_MS + 1, 61, false); /* an idle timeout after the last of them */
        meter_finish(bench.fixture.meter, END_OF_INPUT);
        assert_int_equal(bench.fixture.count, open + 2);
        assert_false(bench.fixture.exported[0].flow.partial_start);
        assert_true(bench.fixture.exported[open].flow.partial_start);
        assert_false(bench.fixture.exported[open].flow.sampled);
        assert_false(bench.fixture.exported[open + 1].flow.partial_start);
        finish(&bench);
    }
}

/* A chosen flow was chosen before, too, but not while all were shed. */
static void a_sampled_flow_is_partial_after_shedding_alone(void **state) {
    (void)state;
    struct bench bench;
    plan(&bench, STEPS(OVERLOAD_sampling, OVERLOAD_shedding));
    bench.options.idle_timeout = 2 * ACTIVE_MS * 1000;
    start(&bench);
    enter(&bench);
    enter(&bench);
    take(&bench, 0, 1, false);
    leave(&bench);
    for (uint32_t number = 0; number < 50; number++)
        take(&bench, 1, number, false);
    uint64_t open = statistics_of(&bench).flows_open;
    assert_in_range(open, 1, 49);
    for (uint32_t number = 0; number < 50; number++) /* their next slices say so, too */
        take(&bench, 1 + ACTIVE_MS, number, false);
    meter_finish(bench.fixture.meter, END_OF_INPUT);
    assert_int_equal(bench.fixture.count, 2 * open);
    for (size_t i = 0; i < bench.fixture.count; i++) {
        assert_true(bench.fixture.exported[i].flow.sampled);
        assert_true(bench.fixture.exported[i].flow.partial_start);
    }
    finish(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampling_takes_a_share_that_all_meters_agree_on),
        cmocka_unit_test(sampling_is_by_the_hash_of_the_conversation),
        cmocka_unit_test(open_flows_go_on_while_new_ones_are_shed),
        cmocka_unit_test(what_begins_soon_after_is_partial),
        cmocka_unit_test(a_sampled_flow_is_partial_after_shedding_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
