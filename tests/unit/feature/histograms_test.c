/* Histograms against a naive search for each packet's bin. */
#include "feature/made_flow.h"

enum { BINS_MAX = 10 };

static const int64_t ip_bins[] = {0, 129, 257, 512, 513, 1024, 1025, 1515};
static const int64_t payload_bins[] = {1, 16, 32, 64, 128, 256, 512, 1024};
static const int64_t interval_bins[] = {0, 1, 16, 32, 64, 128, 256, 512, 1024, 8192};

struct naive {
    const int64_t *begins;
    size_t bins;
    int64_t counts[BINS_MAX];
};

static void naive_add(struct naive *naive, int64_t value) {
    size_t bin = naive->bins;
    while (bin > 0 && value < naive->begins[bin - 1])
        bin--;
    assert_true(bin > 0);
    naive->counts[bin - 1]++;
}

static void assert_bins(const struct flow *flow, field_getter *get, enum flow_direction direction,
                        const struct naive *naive) {
    int64_t integers[BINS_MAX];
    struct record_scratch scratch = {.integers = integers, .integers_capacity = naive->bins};
    const struct record_source source = {.flow = flow, .scratch = &scratch};
    struct value value;
    get(&source, direction, &value);
    assert_false(value.is_null);
    assert_int_equal(value.integers.count, naive->bins);
    for (size_t i = 0; i < naive->bins; i++)
        assert_int_equal(value.integers.items[i], naive->counts[i]);
}

static void check_histograms(const struct flow *flow, enum flow_direction direction,
                             const struct made_series *series) {
    struct naive ip = {ip_bins, 8, {0}}, payload = {payload_bins, 8, {0}},
                 interval = {interval_bins, 10, {0}};
    int64_t before = -1;
    if (direction == BIDIRECTIONAL)
        return;
    for (size_t i = 0; i < series->count; i++) {
        const struct packet *packet = made_at(series, i);
        naive_add(&ip, packet->size[ACCOUNT_IP]);
        if (packet->size[ACCOUNT_PAYLOAD] == 0)
            continue;
        naive_add(&payload, packet->size[ACCOUNT_PAYLOAD]);
        if (before >= 0)
            naive_add(&interval, packet->time / 1000 - before);
        before = packet->time / 1000;
    }
    assert_bins(flow, get_ip_ps_hist, direction, &ip);
    assert_bins(flow, get_payload_ps_hist, direction, &payload);
    assert_bins(flow, get_payload_piat_hist, direction, &interval);
}

static void test_bins_equal_a_naive_reference(void **state) {
    (void)state;
    made_check_flows(FEATURE_histograms, check_histograms);
}

/* Both sides of each edge; 1,999 us and 2,001 us are in two milliseconds, 2,000 us apart or not. */
static void test_edges(void **state) {
    (void)state;
    static struct made_flow made;
    memset(&made, 0, sizeof made);
    int64_t time = 1999;
    for (size_t i = 0; i < 8; i++) {
        for (int64_t size = ip_bins[i] - 1; size <= ip_bins[i] + 1; size++) {
            struct packet packet = made_packet(time, 1, 4000, 2, 80, UDP);
            packet.size[ACCOUNT_IP] = (uint32_t)(size > 0 ? size : 0);
            packet.size[ACCOUNT_PAYLOAD] = (uint32_t)(payload_bins[i] + size - ip_bins[i]);
            made.packets[made.count++] = packet;
            time += i == 0 ? 2 : interval_bins[i] * 1000;
        }
    }
    made_meter(&made, FEATURE_histograms, check_histograms);
}

static void test_state(void **state) {
    (void)state;
    made_check_state(FEATURE_histograms, 224);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bins_equal_a_naive_reference),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
