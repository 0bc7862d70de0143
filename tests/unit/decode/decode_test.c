#include "decode/hex_frame.h"

#include "aborts.h"

static void every_reason_has_a_name_and_a_text(void **state) {
    (void)state;
    assert_string_equal(decode_reason_name(DECODE_METERED), "metered");
    assert_string_equal(decode_reason_name(DECODE_link_type), "link_type");
    for (int reason = 0; reason < DECODE_REASON_COUNT; reason++) {
        assert_true(strlen(decode_reason_name((enum decode_reason)reason)) > 3);
        assert_true(strlen(decode_reason_text((enum decode_reason)reason)) > 3);
    }
    assert_string_equal(decode_reason_name(DECODE_REASON_COUNT), "unknown");
}

static struct frame frame_at(int64_t seconds, int32_t microseconds) {
    static const uint8_t datagram[] = {0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
                                       0,    1, 10, 0,  0, 2, 4, 0, 0,  53, 0, 8, 0,  0};
    return (struct frame){
        .bytes = datagram,
        .captured_length = sizeof datagram,
        .wire_length = sizeof datagram,
        .seconds = seconds,
        .microseconds = microseconds,
        .link_type = LINK_RAW,
    };
}

static int64_t time_of(struct decoder *decoder, int64_t seconds, int32_t microseconds, uint8_t *flags) {
    struct packet packet;
    struct frame frame = frame_at(seconds, microseconds);
    assert_reason(decoder_decode(decoder, &frame, &packet), DECODE_METERED);
    assert_int_equal(packet.time, decoder_time(decoder));
    *flags = packet.flags;
    return packet.time;
}

static void native_time_is_in_microseconds(void **state) {
    (void)state;
    uint8_t flags;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    assert_int_equal(decoder_time(decoder), 0);
    assert_int_equal(time_of(decoder, 0, 0, &flags), 0);
    assert_int_equal(flags, 0);
    assert_int_equal(time_of(decoder, 1700000000, 999999, &flags), 1700000000999999);
    assert_int_equal(flags, 0);
    /* Back in time: raised, flagged, counted. */
    assert_int_equal(time_of(decoder, 1700000000, 999998, &flags), 1700000000999999);
    assert_int_equal(flags, PACKET_TIME_RAISED);
    assert_int_equal(time_of(decoder, 5, 0, &flags), 1700000000999999);
    assert_int_equal(decoder_times_raised(decoder), 2);
    /* As recorded in damaged files. */
    assert_int_equal(time_of(decoder, 1700000002, -1, &flags), 1700000001999999);
    decoder_destroy(decoder);
}

static enum decode_reason reason_at(struct decoder *decoder, int64_t seconds, int32_t microseconds) {
    struct packet packet;
    uint8_t bytes[] = {0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
                       0,    1, 10, 0,  0, 2, 0, 9, 0,  9,  0, 8, 0,  0};
    const struct frame frame = {.bytes = bytes,
                                .captured_length = sizeof bytes,
                                .wire_length = sizeof bytes,
                                .seconds = seconds,
                                .microseconds = microseconds,
                                .link_type = LINK_RAW};
    return decoder_decode(decoder, &frame, &packet);
}

/* What no reader of records has a date for is ignored, and the packets behind it are not raised. */
static void times_out_of_range_are_ignored(void **state) {
    (void)state;
    uint8_t flags;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    static const struct {
        int64_t seconds;
        int32_t microseconds;
    } outside[] = {
        {-1, 0},          {-1, 999999},      {0, -1},        {9214646400, 0},     {9214646399, 1000000},
        {9214646400, -1}, {253402300800, 0}, {INT64_MAX, 0}, {INT64_MIN, 999999}, {INT64_MAX, INT32_MAX}};
    assert_int_equal(time_of(decoder, 1700000000, 0, &flags), 1700000000000000);
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_reason(reason_at(decoder, outside[i].seconds, outside[i].microseconds),
                      DECODE_time_out_of_range);
    assert_int_equal(time_of(decoder, 1700000001, 0, &flags), 1700000001000000);
    assert_int_equal(flags, 0);
    assert_int_equal(time_of(decoder, 9214646399, 999999, &flags), 9214646399999999);
    assert_int_equal(decoder_times_raised(decoder), 0);
    decoder_destroy(decoder);
}

/* NFStream meters every packet: those have the time of the one before. */
static void nfstream_times_out_of_range_are_raised(void **state) {
    (void)state;
    uint8_t flags;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NFSTREAM});
    assert_int_equal(time_of(decoder, 1700000000, 0, &flags), 1700000000000);
    for (int i = 0; i < 3; i++) {
        const int64_t outside[] = {-5, 9214646400, INT64_MAX};
        assert_int_equal(time_of(decoder, outside[i], 0, &flags), 1700000000000);
        assert_int_equal(flags, PACKET_TIME_RAISED);
    }
    assert_int_equal(time_of(decoder, 1700000001, 0, &flags), 1700000001000);
    assert_int_equal(flags, 0);
    decoder_destroy(decoder);
}

static void a_recording_of_its_own_has_its_own_time(void **state) {
    (void)state;
    uint8_t flags;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    time_of(decoder, 1700000000, 0, &flags);
    decoder_begin_recording(decoder);
    assert_int_equal(decoder_time(decoder), 0);
    assert_int_equal(time_of(decoder, 1600000000, 0, &flags), 1600000000000000);
    assert_int_equal(flags, 0);
    decoder_destroy(decoder);
}

static void nfstream_time_is_in_milliseconds(void **state) {
    (void)state;
    uint8_t flags;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NFSTREAM});
    assert_int_equal(time_of(decoder, 1700000000, 999999, &flags), 1700000000999);
    assert_int_equal(time_of(decoder, 1700000000, 999000, &flags), 1700000000999);
    assert_int_equal(flags, 0); /* the same tick is not raised */
    assert_int_equal(time_of(decoder, 1700000002, -999, &flags), 1700000002000);
    assert_int_equal(time_of(decoder, 1700000003, -1001, &flags), 1700000002999);
    assert_int_equal(time_of(decoder, 1600000000, 0, &flags), 1700000002999);
    assert_int_equal(flags, PACKET_TIME_RAISED);
    assert_int_equal(decoder_times_raised(decoder), 1);
    decoder_destroy(decoder);
}

static void ignored_frames_do_not_move_the_clock(void **state) {
    (void)state;
    struct packet packet;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    assert_reason(decode_at(decoder, 50, LINK_RAW, "00", &packet), DECODE_ip_malformed);
    assert_int_equal(decoder_time(decoder), 0);
    assert_reason(decode_at(decoder, 20, LINK_RAW, IPV4_UDP, &packet), DECODE_METERED);
    assert_int_equal(decoder_time(decoder), 20000000);
    decoder_destroy(decoder);
}

static void the_clock_can_be_advanced(void **state) {
    (void)state;
    uint8_t flags;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    assert_int_equal(decoder_advance(decoder, 100, 5), 100000005);
    assert_int_equal(decoder_advance(decoder, 99, 0), 100000005);
    assert_int_equal(time_of(decoder, 99, 0, &flags), 100000005);
    assert_int_equal(flags, PACKET_TIME_RAISED);
    decoder_destroy(decoder);
    decoder_destroy(NULL);
}

/* Live, after the wall clock was set back by an hour: time goes on, and the packet knows what its stamp was. */
static void steady_time_goes_on_over_a_step(void **state) {
    (void)state;
    static const int64_t hour = INT64_C(3600) * 1000000;
    for (int dialect = DECODE_NATIVE; dialect <= DECODE_NFSTREAM; dialect++) {
        int64_t unit = dialect == DECODE_NATIVE ? 1 : 1000;
        struct decoder *decoder =
            decoder_create(&(struct decode_options){.dialect = (enum decode_dialect)dialect});
        struct frame frame = frame_at(8000, 999999);
        struct packet packet;
        assert_int_equal(decoder_decode(decoder, &frame, &packet), DECODE_METERED);
        assert_int_equal(packet.to_wall, 0);
        frame.seconds = 4400;
        frame.microseconds = 500000;
        frame.to_steady = hour + 7;
        assert_int_equal(decoder_decode(decoder, &frame, &packet), DECODE_METERED);
        assert_int_equal(packet.flags & PACKET_TIME_RAISED, PACKET_TIME_RAISED);
        frame.seconds = 4402;
        assert_int_equal(decoder_decode(decoder, &frame, &packet), DECODE_METERED);
        assert_int_equal(packet.flags & PACKET_TIME_RAISED, 0);
        assert_int_equal(packet.time, (INT64_C(8002500007)) / unit);
        assert_int_equal(packet.time + packet.to_wall, INT64_C(4402500000) / unit);
        assert_int_equal(decoder_time(decoder), packet.time);
        assert_int_equal(decoder_times_raised(decoder), 1);
        decoder_destroy(decoder);
    }
}

static void destroy(void *context) {
    decoder_destroy(context);
}

static void what_is_no_decoder_stops_the_program(void **state) {
    (void)state;
    static _Alignas(64) unsigned char zeros[64];
    assert_true(aborts(destroy, zeros));
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    assert_false(aborts(destroy, decoder));
    decoder_destroy(decoder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_name_and_a_text),
        cmocka_unit_test(native_time_is_in_microseconds),
        cmocka_unit_test(times_out_of_range_are_ignored),
        cmocka_unit_test(nfstream_times_out_of_range_are_raised),
        cmocka_unit_test(a_recording_of_its_own_has_its_own_time),
        cmocka_unit_test(nfstream_time_is_in_milliseconds),
        cmocka_unit_test(ignored_frames_do_not_move_the_clock),
        cmocka_unit_test(the_clock_can_be_advanced),
        cmocka_unit_test(steady_time_goes_on_over_a_step),
        cmocka_unit_test(what_is_no_decoder_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
