/* The packet path, from a frame to an exported flow, allocates nothing once it runs: counted, not believed. nDPI, which
 * allocates inside, is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "allocations.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "meter/meter.h"
#include "plugins.h"

static uint64_t exported;

static bool count_flow(void *context, const struct flow *flow) {
    (void)context;
    (void)flow;
    exported++;
    return true;
}

static struct capture *open_capture(void) {
    char path[1024];
    const char *files[] = {path};
    struct capture *capture = NULL;
    struct error error = {0};
    snprintf(path, sizeof path, "%s/tests/captures/mix.pcap", getenv("SOURCE_ROOT"));
    struct capture_options options = {.files = files, .file_count = 1};
    if (capture_open(&options, &capture, &error) < 0)
        fail_msg("%s", error.text);
    return capture;
}

/* Meters the whole capture; returns how often memory was allocated from the first frame to the last. */
static size_t allocations_of(struct decoder *decoder, struct meter *meter) {
    struct capture *capture = open_capture();
    struct frame frame;
    struct packet packet;
    struct error error;
    enum capture_event event;
    size_t before = allocations, in_libpcap = 0;
    for (;;) {
        size_t reading = allocations;
        assert_int_equal(capture_next(capture, &frame, &event, &error), 0);
        /* libpcap allocates its buffer with the first frame. */
        in_libpcap += allocations - reading;
        if (event != CAPTURE_FRAME)
            break;
        if (decoder_decode(decoder, &frame, &packet) == DECODE_METERED)
            meter_packet(meter, &packet);
    }
    size_t counted = allocations - before - in_libpcap;
    capture_close(capture);
    return counted;
}

static void nothing_is_allocated_between_frame_and_flow(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct error error = {0};
        struct meter *meter = NULL;
        struct udps *udps = NULL;
        if (load_udps("small=ip[2:2] = 40", "all=ip or ip6", plugin_entry("none", "end=5"), &udps, &error) <
            0)
            fail_msg("%s", error.text);
        struct decode_options decode = {
            .dialect = profile == PROFILE_NATIVE ? DECODE_NATIVE : DECODE_NFSTREAM,
            .decode_tunnels = true,
        };
        int64_t second = profile == PROFILE_NATIVE ? 1000000 : 1000;
        struct meter_options options = {
            .profile = (enum meter_profile)profile,
            .idle_timeout = 2 * second,
            .active_timeout = 5 * second,
            .statistical_analysis = true,
            .splt_analysis = 20,
            .features_asked = UINT32_MAX,
            .flow_table_size = 4096,
            .preallocate = true,
            .udps = udps,
        };
        if (profile == PROFILE_NATIVE)
            options.publish = (struct publish_options){.early_packets = {2, 4},
                                                       .early_packet_count = 2,
                                                       .early_after = second / 1000,
                                                       .update_interval = second / 500};
        exported = 0;
        struct decoder *decoder = decoder_create(&decode);
        assert_non_null(decoder);
        assert_int_equal(meter_create(&options, count_flow, NULL, &meter, &error), 0);
        size_t counted = allocations_of(decoder, meter);
        assert_true(exported > 100);
        struct meter_statistics statistics;
        meter_statistics(meter, &statistics);
        assert_int_equal(statistics.early_records > 0, profile == PROFILE_NATIVE);
        assert_int_equal(statistics.update_records > 0, profile == PROFILE_NATIVE);
#ifndef __SANITIZE_ADDRESS__ /* there each object is an allocation of its own, on purpose */
        assert_int_equal(counted, 0);
#else
        assert_true(counted > 0);
#endif
        meter_finish(meter, END_OF_INPUT);
        meter_destroy(meter);
        decoder_destroy(decoder);
        udps_free(udps);
    }
}

int main(void) {
    count_allocations();
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_allocated_between_frame_and_flow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
