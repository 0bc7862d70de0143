/* User-defined fields: what counters count, and what plugins are called with. */
#include "meter/meter_fixture.h"

#include <dlfcn.h>

#include "meter/udps.h"
#include "plugins.h"
#include "record/field/field_getters.h"

enum { IP_HEADER = 20, PACKET_BYTES = 64 };

/* An IPv4 packet with that total length, of which `captured` bytes follow. */
static struct packet ip_packet(struct packet packet, uint8_t *bytes, uint16_t length, uint32_t captured) {
    memset(bytes, 0, PACKET_BYTES);
    bytes[0] = 0x45;
    bytes[2] = (uint8_t)(length >> 8);
    bytes[3] = (uint8_t)length;
    bytes[9] = packet.protocol;
    packet.ip = bytes;
    packet.ip_captured = captured;
    packet.size[ACCOUNT_IP] = length;
    return packet;
}

static struct meter_options options_with(const struct udps *udps, enum meter_profile profile) {
    int64_t second = 1000 * fixture_millisecond(profile);
    return (struct meter_options){
        .profile = profile,
        .idle_timeout = 120 * second,
        .active_timeout = 1800 * second,
        .flow_table_size = 1024,
        .udps = udps,
    };
}

static struct udps *load_well(const char *packets, const char *bytes, const char *plugin) {
    struct udps *udps = NULL;
    struct error error = {0};
    if (load_udps(packets, bytes, plugin, &udps, &error) < 0)
        fail_msg("%s", error.text);
    return udps;
}

/* What one flow's fields are, as they are exported. */
enum { VALUES_MAX = 16, EXPORTS_MAX = 32, TEXT_ROOM = 64 };

struct seen {
    const struct udps *udps;
    size_t count;
    struct flow flows[EXPORTS_MAX];
    int64_t integers[EXPORTS_MAX][VALUES_MAX];
    char texts[EXPORTS_MAX][VALUES_MAX][TEXT_ROOM];
};

/* What a record has of a field; `room` is where a text lies. */
static struct value value_of(const struct udps *udps, size_t field, const struct flow *flow,
                             struct buffer *rooms) {
    const struct meter_options meter = {.udps = udps};
    const struct identity identity = {.meter = &meter};
    const struct catalogue_row row = {.udps = &udps->fields[field]};
    struct record_scratch scratch = {.udps = rooms};
    const struct record_source source = {
        .identity = &identity, .flow = flow, .scratch = &scratch, .row = &row};
    struct value value;
    get_udps_field(&source, BIDIRECTIONAL, &value);
    assert_false(scratch.failed);
    return value;
}

static bool see_flow(void *context, const struct flow *flow) {
    struct seen *seen = context;
    struct buffer rooms[VALUES_MAX] = {{0}};
    assert_true(seen->count < EXPORTS_MAX);
    seen->flows[seen->count] = *flow;
    for (size_t i = 0; i < seen->udps->field_count; i++) {
        struct value value = value_of(seen->udps, i, flow, rooms);
        seen->integers[seen->count][i] = value.is_null ? -1 : value.integer;
        if (!value.is_null && seen->udps->fields[i].type == FLOWSENSOR_STRING)
            memcpy(seen->texts[seen->count][i], value.text.bytes, value.text.length);
        buffer_free(&rooms[i]);
    }
    seen->count++;
    return true;
}

static size_t field_index(const struct udps *udps, const char *name) {
    for (size_t i = 0; i < udps->field_count; i++)
        if (strcmp(udps->fields[i].name, name) == 0)
            return i;
    fail_msg("there is no field %s", name);
    return 0;
}

static struct meter *open_meter(const struct meter_options *options, struct seen *seen) {
    struct meter *meter = NULL;
    struct error error = {0};
    if (meter_create(options, see_flow, seen, &meter, &error) < 0)
        fail_msg("%s", error.text);
    return meter;
}

static void assert_integer(const struct seen *seen, size_t flow, const char *name, int64_t expected) {
    int64_t found = seen->integers[flow][field_index(seen->udps, name)];
    if (found != expected)
        fail_msg("%s is %lld, not %lld", name, (long long)found, (long long)expected);
}

static void assert_calls(const struct seen *seen, size_t flow, const char *expected) {
    assert_string_equal(seen->texts[flow][field_index(seen->udps, "probe_text")], expected);
}

static void counters_count_by_direction(void **state) {
    (void)state;
    struct udps *udps = load_well("small = ip[2:2] = 40", "all=ip", NULL);
    struct meter_options options = options_with(udps, PROFILE_NATIVE);
    options.accounting_mode = ACCOUNT_IP;
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    seen.udps = udps;
    struct meter *meter = open_meter(&options, &seen);
    uint8_t bytes[PACKET_BYTES];
    static const uint16_t lengths[] = {40, 40, 41, 40, 1500};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct packet packet =
            i % 2 == 1 ? made_packet(1000, 2, 80, 1, 4000, TCP) : made_packet(1000, 1, 4000, 2, 80, TCP);
        packet = ip_packet(packet, bytes, lengths[i], 40);
        meter_packet(meter, &packet);
    }
    meter_finish(meter, END_OF_INPUT);
    meter_destroy(meter);
    assert_int_equal(seen.count, 1);
    assert_integer(&seen, 0, "small", 3);
    assert_integer(&seen, 0, "src2dst_small", 1);
    assert_integer(&seen, 0, "dst2src_small", 2);
    assert_integer(&seen, 0, "all", 40 + 40 + 41 + 40 + 1500);
    assert_integer(&seen, 0, "src2dst_all", 40 + 41 + 1500);
    assert_integer(&seen, 0, "dst2src_all", 80);
    udps_free(udps);
}

/* Whether an expression matches one packet of `length` bytes of which `captured` are there. */
static bool matches(const char *expression, uint16_t length, uint32_t captured) {
    struct packet_filter *filter = NULL;
    char reason[256];
    assert_int_equal(packet_filter_compile(expression, &filter, reason, sizeof reason), 0);
    uint8_t bytes[PACKET_BYTES];
    struct packet packet = ip_packet(made_packet(1000, 1, 4000, 2, 80, TCP), bytes, length, captured);
    memset(bytes + length, 0xee, length < PACKET_BYTES ? PACKET_BYTES - length : 0);
    bool result = packet_filter_matches(filter, &packet);
    packet_filter_free(filter);
    return result;
}

static void filters_read_the_packet_and_no_more(void **state) {
    (void)state;
    assert_true(matches("tcp", 40, 40));
    assert_false(matches("udp", 40, 40));
    assert_true(matches("len = 1500", 1500, 40));
    assert_false(matches("len = 40", 1500, 40));
    assert_true(matches("ip[39] = 0", 1500, 40));
    assert_false(matches("ip[40] = 0", 1500, 40));  /* not captured */
    assert_false(matches("ip[44] = 0xee", 44, 60)); /* the link's trailer */
    assert_true(matches("ip[43] = 0", 44, 60));
}

static void plugins_see_every_packet(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct udps *udps = load_well(NULL, NULL, plugin_entry("none", ""));
        struct meter_options options = options_with(udps, (enum meter_profile)profile);
        static struct seen seen;
        memset(&seen, 0, sizeof seen);
        seen.udps = udps;
        struct meter *meter = open_meter(&options, &seen);
        for (int64_t i = 0; i < 5; i++) {
            struct packet packet = i % 2 == 1 ? made_packet(1000 + i, 2, 80, 1, 4000, TCP)
                                              : made_packet(1000 + i, 1, 4000, 2, 80, TCP);
            packet.size[ACCOUNT_IP] = 100;
            meter_packet(meter, &packet);
        }
        meter_finish(meter, END_SHUTDOWN);
        meter_destroy(meter);
        assert_int_equal(seen.count, 1);
        assert_calls(&seen, 0, "iuuuue");
        assert_integer(&seen, 0, "probe_int", 500);
        assert_integer(&seen, 0, "probe_long", 4);
        assert_integer(&seen, 0, "probe_time", 1000);
        assert_integer(&seen, 0, "probe_absent", -1);
        udps_free(udps);
    }
}

/* Ends at the second packet: the third opens the next flow, in either profile, and everything is accounted for. */
static void plugins_end_flows(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        for (int limit = 1; limit <= 2; limit++) {
            struct udps *udps =
                load_well(NULL, NULL, plugin_entry("none", limit == 1 ? "end=1" : "  end=2\t"));
            struct meter_options options = options_with(udps, (enum meter_profile)profile);
            static struct seen seen;
            memset(&seen, 0, sizeof seen);
            seen.udps = udps;
            struct meter *meter = open_meter(&options, &seen);
            for (int64_t i = 0; i < 5; i++) {
                struct packet packet = i < 3 ? made_packet(1000 + i, 1, 4000, 2, 80, TCP)
                                             : made_packet(1000 + i, 2, 80, 1, 4000, TCP);
                meter_packet(meter, &packet);
                assert_int_equal(seen.count, (i + 1) / limit);
            }
            meter_finish(meter, END_OF_INPUT);
            struct meter_statistics statistics;
            meter_statistics(meter, &statistics);
            assert_int_equal(statistics.flows_exported[END_PLUGIN], 5 / limit);
            assert_int_equal(statistics.flows_exported[END_OF_INPUT], limit == 2);
            assert_int_equal(statistics.flows_opened, seen.count);
            assert_int_equal(statistics.flows_open, 0);
            meter_destroy(meter);
            assert_int_equal(seen.flows[0].end_reason, END_PLUGIN);
            assert_calls(&seen, 0, limit == 1 ? "ie" : "iue");
            /* The next flow's source is who sends its first packet. */
            assert_int_equal(flow_source_port(&seen.flows[seen.count - 1]), 80);
            udps_free(udps);
        }
    }
}

/* Flows of one key that begin at the same time would have one identity: they are its slices. */
static void ended_flows_of_one_time_are_told_apart(void **state) {
    (void)state;
    static const int64_t times[] = {1000, 1000, 1000, 1001, 1001};
    static const uint32_t slices[] = {0, 1, 2, 0, 1};
    struct udps *udps = load_well(NULL, NULL, plugin_entry("none", "end=1"));
    struct meter_options options = options_with(udps, PROFILE_NATIVE);
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    seen.udps = udps;
    struct meter *meter = open_meter(&options, &seen);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct packet packet = made_packet(times[i], 1, 4000, 2, 80, TCP);
        meter_packet(meter, &packet);
        assert_int_equal(seen.count, i + 1);
        assert_int_equal(seen.flows[i].slice, slices[i]);
        assert_int_equal(seen.flows[i].uid_time, times[i]);
    }
    meter_destroy(meter);
    udps_free(udps);
}

/* A slice begins anew, and may be ended by its first packet. */
static void plugins_and_slices(void **state) {
    (void)state;
    struct udps *udps = load_well(NULL, NULL, plugin_entry("none", ""));
    struct meter_options options = options_with(udps, PROFILE_NATIVE);
    options.active_timeout = 1000;
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    seen.udps = udps;
    struct meter *meter = open_meter(&options, &seen);
    static const int64_t times[] = {1000, 1500, 2500, 2600};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        /* The second slice's first packet goes back. */
        struct packet packet =
            i == 2 ? made_packet(times[i], 2, 80, 1, 4000, TCP) : made_packet(times[i], 1, 4000, 2, 80, TCP);
        meter_packet(meter, &packet);
    }
    meter_finish(meter, END_OF_INPUT);
    meter_destroy(meter);
    assert_int_equal(seen.count, 2);
    assert_calls(&seen, 0, "iue");
    assert_calls(&seen, 1, "iue");
    assert_int_equal(seen.flows[0].end_reason, END_ACTIVE);
    assert_int_equal(seen.flows[1].slice, 1);
    udps_free(udps);
}

/* A record of the open flow asks for values alone: on_expire and on_release come once, at the end. */
static void plugins_see_one_end(void **state) {
    (void)state;
    struct udps *udps = load_well(NULL, NULL, plugin_entry("none", ""));
    struct meter_options options = options_with(udps, PROFILE_NATIVE);
    options.publish = (struct publish_options){.early_packets = {1, 2}, .early_packet_count = 2};
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    seen.udps = udps;
    struct meter *meter = open_meter(&options, &seen);
    for (int64_t time = 1000; time < 1003; time++) {
        struct packet packet = made_packet(time, 1, 4000, 2, 80, TCP);
        meter_packet(meter, &packet);
    }
    meter_finish(meter, END_OF_INPUT);
    meter_destroy(meter);
    assert_int_equal(seen.count, 3);
    assert_calls(&seen, 0, "i");
    assert_calls(&seen, 1, "iu");
    assert_calls(&seen, 2, "iuue");
    udps_free(udps);
}

/* How many contexts and states the probe has not got back. */
static int probe_open(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/none.so", getenv("PLUGIN_FOLDER"));
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    const int *open = dlsym(handle, "probe_open");
    assert_non_null(open);
    int count = *open;
    dlclose(handle);
    return count;
}

static void everything_is_given_back(void **state) {
    (void)state;
    struct udps *udps = load_well("all=ip", NULL, plugin_entry("none", "end=3"));
    struct meter_options options = options_with(udps, PROFILE_NATIVE);
    static struct seen seen[2];
    memset(seen, 0, sizeof seen);
    struct meter *meters[2];
    uint8_t bytes[PACKET_BYTES];
    assert_int_equal(probe_open(), 0); /* the trial is over */
    for (int i = 0; i < 2; i++) {
        seen[i].udps = udps;
        meters[i] = open_meter(&options, &seen[i]);
        for (uint16_t port = 1; port <= 10; port++) {
            struct packet packet = ip_packet(made_packet(1000, 1, port, 2, 80, UDP), bytes, 28, 28);
            for (int count = 0; count < port % 4; count++)
                meter_packet(meters[i], &packet);
        }
    }
    assert_true(probe_open() > 2);
    meter_finish(meters[0], END_OF_INPUT);
    meter_destroy(meters[0]);
    meter_destroy(meters[1]); /* its flows are not exported */
    assert_int_equal(probe_open(), 0);
    assert_int_equal(seen[0].count, 8);
    udps_free(udps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_count_by_direction),
        cmocka_unit_test(filters_read_the_packet_and_no_more),
        cmocka_unit_test(plugins_see_every_packet),
        cmocka_unit_test(plugins_end_flows),
        cmocka_unit_test(ended_flows_of_one_time_are_told_apart),
        cmocka_unit_test(plugins_and_slices),
        cmocka_unit_test(plugins_see_one_end),
        cmocka_unit_test(everything_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
