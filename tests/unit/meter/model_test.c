/* Random packets of few connections, with short timeouts, against a model that is too simple to be wrong: an array of
 * flows that is searched from its start, and the rules as they are written down. */
#include "meter/meter_fixture.h"

enum { PACKETS = 20000, CONNECTIONS = 40, IDLE = 300, ACTIVE = 1500, SCAN_INTERVAL = 10, START = 100000 };

struct model_flow {
    struct flow_counters counters[FLOW_DIRECTIONS];
    uint32_t connection;
    uint32_t slice;
    int64_t uid_time;
    bool source_is_server;
    enum end_reason reason;
};

struct model {
    bool native;
    struct model_flow open[CONNECTIONS]; /* in order of creation */
    size_t open_count;
    struct model_flow ended[PACKETS];
    size_t ended_count;
    int64_t last_scan;
};

static void model_end(struct model *model, size_t index, enum end_reason reason) {
    model->open[index].reason = reason;
    model->ended[model->ended_count++] = model->open[index];
    for (size_t i = index + 1; i < model->open_count; i++)
        model->open[i - 1] = model->open[i];
    model->open_count--;
}

static void model_count(struct flow_counters *counters, int64_t time, uint32_t size) {
    if (counters->packets == 0)
        counters->first_seen = time;
    counters->last_seen = time;
    counters->packets++;
    counters->bytes += size;
}

static void model_scan(struct model *model, int64_t time) {
    model->last_scan = time;
    while (model->open_count > 0 && time - model->open[0].counters[BIDIRECTIONAL].last_seen >= IDLE)
        model_end(model, 0, END_IDLE);
}

/* The open flow that this packet belongs to, after what the timeouts demand. */
static struct model_flow *model_flow(struct model *model, int64_t time, uint32_t connection,
                                     bool from_server) {
    struct model_flow new = {.connection = connection, .uid_time = time, .source_is_server = from_server};
    for (size_t i = 0; i < model->open_count; i++) {
        struct model_flow *flow = &model->open[i];
        if (flow->connection != connection)
            continue;
        bool idle = time - flow->counters[BIDIRECTIONAL].last_seen >= IDLE;
        bool active = time - flow->counters[BIDIRECTIONAL].first_seen >= ACTIVE;
        if (!idle && !active)
            return flow;
        if (!idle && model->native) {
            new.slice = flow->slice + 1;
            new.uid_time = flow->uid_time;
            new.source_is_server = flow->source_is_server;
        }
        model_end(model, i, idle ? END_IDLE : END_ACTIVE);
        break;
    }
    model->open[model->open_count] = new;
    return &model->open[model->open_count++];
}

static void model_packet(struct model *model, int64_t time, uint32_t connection, bool from_server,
                         uint32_t size) {
    struct model_flow *flow = model_flow(model, time, connection, from_server);
    model_count(&flow->counters[BIDIRECTIONAL], time, size);
    model_count(&flow->counters[from_server == flow->source_is_server ? SRC2DST : DST2SRC], time, size);
    if (time - model->last_scan >= SCAN_INTERVAL)
        model_scan(model, time);
}

static uint32_t connection_of(const struct flow *flow, bool source_is_server) {
    return (source_is_server ? flow_destination(flow)[3] : flow_source(flow)[3]) - 100u;
}

static void check_flow(const struct model_flow *expected, const struct flow *flow, int64_t unit) {
    bool source_is_server = flow_source_port(flow) == 80;
    assert_int_equal(connection_of(flow, source_is_server), expected->connection);
    assert_int_equal(source_is_server, expected->source_is_server);
    assert_int_equal(flow->slice, expected->slice);
    assert_int_equal(flow->uid_time, expected->uid_time * unit);
    for (int d = 0; d < FLOW_DIRECTIONS; d++) {
        assert_int_equal(flow_counters(flow, d).first_seen, expected->counters[d].first_seen * unit);
        assert_int_equal(flow_counters(flow, d).last_seen, expected->counters[d].last_seen * unit);
        assert_int_equal(flow_counters(flow, d).packets, expected->counters[d].packets);
        assert_int_equal(flow_counters(flow, d).bytes, expected->counters[d].bytes);
    }
}

static int compare_model(const void *one, const void *other) {
    const struct model_flow *a = one, *b = other;
    if (a->connection != b->connection)
        return a->connection < b->connection ? -1 : 1;
    int64_t difference = a->counters[BIDIRECTIONAL].first_seen - b->counters[BIDIRECTIONAL].first_seen;
    return (difference > 0) - (difference < 0);
}

static int compare_exported(const void *one, const void *other) {
    const struct flow *a = &((const struct exported *)one)->flow,
                      *b = &((const struct exported *)other)->flow;
    int order = memcmp(&a->key, &b->key, sizeof(a->key));
    int64_t difference = flow_first_seen(a, BIDIRECTIONAL) - flow_first_seen(b, BIDIRECTIONAL);
    return order != 0 ? order : (difference > 0) - (difference < 0);
}

/* In the nfstream profile the order must be the model's too. Natively sweeps run in another order, and only the set of
 * flows must be the same. */
static void check_random_traffic(bool native, uint32_t random) {
    static struct model model;
    int64_t unit = native ? 1000 : 1, time = START;
    struct meter_options options = {
        .profile = native ? PROFILE_NATIVE : PROFILE_NFSTREAM,
        .idle_timeout = IDLE * unit,
        .active_timeout = ACTIVE * unit,
        .statistical_analysis = true,
        .splt_analysis = 5,
        .flow_table_size = 1024,
    };
    struct fixture fixture;
    fixture_open(&fixture, &options);
    model = (struct model){.native = native};
    for (int i = 0; i < PACKETS; i++) {
        time += made_random(&random, 4) == 0 ? made_random(&random, 40) : 0;
        uint32_t connection = made_random(&random, CONNECTIONS) * made_random(&random, 100) / 100;
        bool from_server = made_random(&random, 2) == 0;
        struct packet packet = from_server ? made_packet(time * unit, 1, 80, 100 + connection, 4000, TCP)
                                           : made_packet(time * unit, 100 + connection, 4000, 1, 80, TCP);
        packet.size[ACCOUNT_RAW] = made_random(&random, 1500);
        feed(&fixture, packet);
        model_packet(&model, time, connection, from_server, packet.size[ACCOUNT_RAW]);
    }
    meter_finish(fixture.meter, END_OF_INPUT);
    while (model.open_count > 0)
        model_end(&model, 0, END_OF_INPUT);
    assert_int_equal(fixture.count, model.ended_count);
    if (native) {
        qsort(fixture.exported, fixture.count, sizeof(*fixture.exported), compare_exported);
        qsort(model.ended, model.ended_count, sizeof(*model.ended), compare_model);
    }
    for (size_t i = 0; i < fixture.count; i++) {
        check_flow(&model.ended[i], &fixture.exported[i].flow, unit);
        if (!native || model.ended[i].reason == END_ACTIVE)
            assert_int_equal(fixture.exported[i].flow.end_reason, model.ended[i].reason);
    }
    fixture_close(&fixture);
}

static void test_nfstream_profile_equals_the_model(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 10; seed++)
        check_random_traffic(false, seed);
}

static void test_native_profile_equals_the_model(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 10; seed++)
        check_random_traffic(true, seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nfstream_profile_equals_the_model),
        cmocka_unit_test(test_native_profile_equals_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
