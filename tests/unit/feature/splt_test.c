/* The sequence of lengths and times: as long as the flow, and as the option asks; padded for NFStream. */
#include "meter/meter_fixture.h"

#include "meter/feature.h"
#include "record/field/field_getters.h"

static const uint32_t splt_size_max = (1u << 23) - 1;

enum { SPLT = 20, ARRAYS = 3, MORE_PACKETS = 60 };

/* Around the largest that is kept: larger ones are cut to it. */
static uint32_t size_of(uint32_t place) {
    return splt_size_max + 2 - place;
}

/* The one flow that a test makes, checked while it is exported. */
struct splt_check {
    uint32_t length;
    int64_t step;
    unsigned exports;
};

static const int64_t *array_of(const struct flow *flow, field_getter *get, size_t count) {
    static int64_t integers[SPLT];
    struct record_scratch scratch = {.integers = integers, .integers_capacity = SPLT};
    const struct record_source source = {.flow = flow, .scratch = &scratch};
    struct value value;
    get(&source, BIDIRECTIONAL, &value);
    assert_int_equal(value.integers.count, count);
    return value.integers.items;
}

static int64_t interval_at(const struct splt_check *check, uint32_t place) {
    return place == 0 ? 0 : check->step + place;
}

static int64_t size_at(const struct splt_check *check, uint32_t place) {
    (void)check;
    return size_of(place) > splt_size_max ? splt_size_max : size_of(place);
}

static int64_t direction_at(const struct splt_check *check, uint32_t place) {
    (void)check;
    return place % 3 == 1;
}

static const struct {
    field_getter *get, *padded;
    int64_t (*expected)(const struct splt_check *check, uint32_t place);
} arrays[ARRAYS] = {
    {get_splt_piat, get_splt_piat_padded, interval_at},
    {get_splt_ps, get_splt_ps_padded, size_at},
    {get_splt_direction, get_splt_direction_padded, direction_at},
};

static bool check_splt(void *context, const struct flow *flow) {
    struct splt_check *check = context;
    assert_false(flow_has(flow, FEATURE_stats));
    assert_false(flow_has(flow, FEATURE_l7));
    for (int i = 0; i < ARRAYS; i++) {
        const int64_t *items = array_of(flow, arrays[i].get, check->length);
        for (uint32_t place = 0; place < check->length; place++)
            assert_int_equal(items[place], arrays[i].expected(check, place));
        items = array_of(flow, arrays[i].padded, SPLT);
        for (uint32_t place = 0; place < SPLT; place++)
            assert_int_equal(items[place], place < check->length ? arrays[i].expected(check, place) : -1);
    }
    check->exports++;
    return true;
}

static void check_splt_of(uint32_t packets, int64_t idle_timeout, int64_t step) {
    const struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = idle_timeout,
        .active_timeout = INT64_MAX,
        .splt_analysis = SPLT,
        .flow_table_size = 1024,
    };
    struct splt_check check = {.length = packets < SPLT ? packets : SPLT, .step = step};
    struct meter *meter;
    struct error error;
    assert_int_equal(meter_create(&options, check_splt, &check, &meter, &error), 0);
    int64_t time = 1000000;
    for (uint32_t i = 0; i < packets; i++) {
        time += i == 0 ? 0 : step + i;
        struct packet packet =
            i % 3 == 1 ? made_packet(time, 2, 80, 1, 4000, TCP) : made_packet(time, 1, 4000, 2, 80, TCP);
        packet.size[ACCOUNT_RAW] = size_of(i);
        meter_packet(meter, &packet);
    }
    meter_finish(meter, END_OF_INPUT);
    assert_int_equal(check.exports, 1);
    meter_destroy(meter);
}

static void test_splt(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 2, SPLT - 1, SPLT, SPLT + 1, 100};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        check_splt_of(counts[i], 120000000, 1234);
        check_splt_of(counts[i], UINT32_MAX, INT64_C(4294000000));
        check_splt_of(counts[i], INT64_C(10000000000), INT64_C(9000000000)); /* wider than 32 bits */
    }
}

/* While the overload ladder has no_splt, nothing is kept: the arrays are empty, though there are packets. */
static void test_no_splt(void **state) {
    (void)state;
    const struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = 120000000,
        .active_timeout = INT64_MAX,
        .splt_analysis = SPLT,
        .flow_table_size = 1024,
        .overload = {.steps = {OVERLOAD_no_splt},
                     .count = 1,
                     .enter = 75,
                     .leave = 25,
                     .patience = 10000000,
                     .sampling_rate = 8},
    };
    struct splt_check check = {.length = 0};
    struct meter *meter;
    struct meter_load load;
    struct error error;
    assert_int_equal(meter_create(&options, check_splt, &check, &meter, &error), 0);
    assert_true(meter_look_at_load(meter, 100, 1, &load));
    for (int64_t i = 0; i < 2 * SPLT; i++) {
        struct packet packet = made_packet(1000000 + i, 1, 4000, 2, 80, TCP);
        meter_packet(meter, &packet);
    }
    meter_finish(meter, END_OF_INPUT);
    assert_int_equal(check.exports, 1);
    meter_destroy(meter);
}

/* A flow whose packets are compared with a list of them; each slice begins at `begin`. */
struct more_check {
    struct meter_options options;
    struct packet packets[MORE_PACKETS];
    bool back[MORE_PACKETS], duplicate[MORE_PACKETS];
    size_t begin, count, duplicates, slices;
};

static bool takes_place(const struct more_check *check, size_t i) {
    enum splt_packets which = check->options.splt_packets;
    return which == SPLT_ALL ||
           (check->packets[i].size[ACCOUNT_PAYLOAD] > 0 && (which == SPLT_PAYLOAD || !check->duplicate[i]));
}

static void check_item(const struct flow *flow, field_getter *get, size_t length, size_t place,
                       int64_t expected) {
    assert_int_equal(array_of(flow, get, length)[place], expected);
}

/* The times between recorded packets; the first counts from the slice's first packet on. */
static bool check_more(void *context, const struct flow *flow) {
    struct more_check *check = context;
    size_t count = flow_packets(flow, BIDIRECTIONAL), place = 0, length = 0;
    int64_t before = check->packets[check->begin].time;
    for (size_t i = check->begin; i < check->begin + count; i++)
        length += takes_place(check, i);
    length = length < SPLT ? length : SPLT;
    for (size_t i = check->begin; i < check->begin + count && place < length; i++) {
        const struct packet *packet = &check->packets[i];
        if (!takes_place(check, i))
            continue;
        check_item(flow, get_splt_ps, length, place, packet->size[ACCOUNT_RAW]);
        check_item(flow, get_splt_piat, length, place, packet->time - before);
        check_item(flow, get_splt_direction, length, place, check->back[i]);
        before = packet->time;
        if (check->options.splt_more) {
            check_item(flow, get_splt_payload_ps, length, place, packet->size[ACCOUNT_PAYLOAD]);
            check_item(flow, get_splt_tcp_flags, length, place, packet->tcp_flags);
            check_item(flow, get_splt_duplicate, length, place, check->duplicate[i]);
        }
        place++;
    }
    if (flow->record_kind == RECORD_FINAL) {
        check->begin += count;
        check->slices++;
    }
    return true;
}

static bool wrapped_or_not_beyond(uint32_t number, uint32_t before) {
    return (number <= before && (int64_t)before - number <= INT64_C(4252017623));
}

/* The packet that it is compared with: its direction's last one that is no duplicate and has a header. */
static bool is_duplicate(const struct more_check *check, size_t i) {
    const struct packet *packet = &check->packets[i];
    bool after_payload = false;
    for (size_t j = 0; j < i; j++)
        after_payload |= check->packets[j].size[ACCOUNT_PAYLOAD] > 0;
    for (size_t j = i; j-- > 0;) {
        const struct packet *one = &check->packets[j];
        if (check->back[j] != check->back[i] || check->duplicate[j] || one->flags != 0)
            continue;
        return packet->flags == 0 && after_payload && one->tcp_flags == packet->tcp_flags &&
               one->size[ACCOUNT_PAYLOAD] == packet->size[ACCOUNT_PAYLOAD] &&
               wrapped_or_not_beyond(packet->tcp_sequence, one->tcp_sequence) &&
               wrapped_or_not_beyond(packet->tcp_acknowledgment, one->tcp_acknowledgment);
    }
    return false;
}

static uint32_t random_number(uint32_t *random) {
    static const uint32_t numbers[] = {0, 1, 42949672, 42949673, UINT32_MAX - 1, UINT32_MAX};
    return numbers[made_random(random, sizeof numbers / sizeof *numbers)];
}

static void add_packet(struct more_check *check, uint32_t *random, uint8_t protocol, int64_t time) {
    static const uint8_t bytes[40];
    static const uint32_t sizes[] = {0, 0, 1, 700, 700};
    size_t at = check->count++;
    bool back = at > 0 && made_random(random, 2) == 0, is_later = made_random(random, 12) == 0;
    struct packet packet =
        back ? made_packet(time, 2, 80, 1, 4000, protocol) : made_packet(time, 1, 4000, 2, 80, protocol);
    uint32_t payload = sizes[made_random(random, 5)];
    packet.size[ACCOUNT_PAYLOAD] = payload;
    packet.size[ACCOUNT_TRANSPORT] = payload + (is_later ? 0 : 20);
    packet.size[ACCOUNT_IP] = packet.size[ACCOUNT_TRANSPORT] + 20;
    packet.size[ACCOUNT_RAW] = packet.size[ACCOUNT_IP] + 14;
    packet.ip = bytes;
    packet.ip_captured = sizeof bytes;
    if (is_later) {
        packet.flags = PACKET_FRAGMENT;
    } else if (protocol == TCP) {
        packet.tcp_flags = made_random(random, 3) == 0 ? TCP_ACK : TCP_ACK | TCP_PSH;
        packet.tcp_sequence = random_number(random);
        packet.tcp_acknowledgment = made_random(random, 2) == 0 ? 7 : random_number(random);
    }
    check->packets[at] = packet;
    check->back[at] = back;
    check->duplicate[at] = protocol == TCP && is_duplicate(check, at);
    check->duplicates += check->duplicate[at];
}

/* `second` is longer than one where times need 64 bits. */
static void check_random_flow(struct more_check *check, uint32_t *random, int64_t second) {
    struct meter *meter;
    struct error error;
    uint8_t protocol = made_random(random, 8) == 0 ? UDP : TCP;
    size_t count = 1 + made_random(random, MORE_PACKETS);
    int64_t time = 1000000;
    check->begin = check->count = 0;
    while (check->count < count) {
        add_packet(check, random, protocol, time);
        time += made_random(random, 3) == 0 ? 0 : made_random(random, 65536) * second / 50000;
    }
    assert_int_equal(meter_create(&check->options, check_more, check, &meter, &error), 0);
    for (size_t i = 0; i < check->count; i++)
        meter_packet(meter, &check->packets[i]);
    meter_finish(meter, END_OF_INPUT);
    meter_destroy(meter);
    assert_int_equal(check->begin, check->count);
}

/* With each choice of packets, with and without the fields more, over slices, and where times are long. */
static void test_more_and_chosen_packets(void **state) {
    (void)state;
    static struct more_check check;
    uint32_t random = 23;
    for (int which = SPLT_ALL; which <= SPLT_PAYLOAD_NEW; which++) {
        for (int more = 0; more < 2; more++) {
            for (int round = 0; round < 120; round++) {
                int64_t second = round % 3 == 0 ? INT64_C(3600) * 1000000 : 1000000;
                check = (struct more_check){
                    .options = {.profile = PROFILE_NATIVE,
                                .idle_timeout = 120 * second,
                                .active_timeout = 20 * second,
                                .splt_analysis = SPLT,
                                .splt_packets = (enum splt_packets)which,
                                .splt_more = more == 1,
                                .flow_table_size = 1024,
                                .publish = {.early_packets = {1, 5}, .early_packet_count = 2}},
                    .duplicates = check.duplicates,
                    .slices = check.slices};
                check_random_flow(&check, &random, second);
            }
        }
    }
    assert_in_range(check.duplicates, 500, SIZE_MAX);
    assert_in_range(check.slices, 800, SIZE_MAX);
}

/* What other flows don't ask for costs them nothing. */
static void test_state(void **state) {
    (void)state;
    struct meter_options options = {
        .idle_timeout = 120000000, .active_timeout = 1800000000, .splt_analysis = 20};
    assert_int_equal(feature_splt.state_size(&options), 144);
    options.splt_packets = SPLT_PAYLOAD;
    assert_int_equal(feature_splt.state_size(&options), 144);
    options.splt_packets = SPLT_PAYLOAD_NEW;
    assert_int_equal(feature_splt.state_size(&options), 144 + 24);
    options.splt_more = true;
    assert_int_equal(feature_splt.state_size(&options), 144 + 24 + 100);
    options.splt_analysis = 0;
    assert_int_equal(feature_splt.state_size(&options), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splt),
        cmocka_unit_test(test_no_splt),
        cmocka_unit_test(test_more_and_chosen_packets),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
