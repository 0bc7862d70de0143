/* Packets and bytes that an intake counts where a frame holds several packets. The source gives one frame of Ethernet, and
 * ends. */
#include "app/run/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/source.h"

enum { HEADERS = 14 + 20 + 20, PAYLOAD = 2500, SIZE = 1000 };

static uint8_t bytes[HEADERS + PAYLOAD] = {
    [12] = 8,
    [14] = 0x45,
    [16] = (20 + 20 + PAYLOAD) >> 8,
    [17] = (20 + 20 + PAYLOAD) & 255,
    [23] = 6,
    [26] = 10,
    [29] = 1,
    [30] = 10,
    [33] = 2,
    [36] = 1,
    [46] = 0x50,
    [47] = 0x10,
};

static uint16_t segment_size;

static int give_frame(struct capture *capture, struct frame *frame, enum capture_event *event,
                      struct error *error) {
    (void)error;
    *event = capture->frames++ == 0 ? CAPTURE_FRAME : CAPTURE_END;
    *frame = (struct frame){.bytes = bytes,
                            .captured_length = sizeof bytes,
                            .wire_length = sizeof bytes,
                            .seconds = 1000,
                            .link_type = 1,
                            .segment_size = segment_size,
                            .oversized = true};
    return 0;
}

static void give_statistics(struct capture *capture, struct capture_statistics *statistics) {
    (void)capture;
    (void)statistics;
}

static void do_nothing(struct capture *capture) {
    (void)capture;
}

static const struct source_type source = {
    .next = give_frame, .statistics = give_statistics, .close = do_nothing};

struct seen {
    unsigned packets, marked;
    uint64_t bytes;
};

static void see(void *context, const struct packet *packet) {
    struct seen *seen = context;
    seen->packets++;
    seen->marked += (packet->flags & PACKET_OFFLOAD) != 0;
    seen->bytes += packet->size[ACCOUNT_RAW];
}

static bool pass_time(void *context, int64_t time) {
    (void)context;
    (void)time;
    return false;
}

static void keep_house(void *context) {
    (void)context;
}

static struct ledger run(struct seen *seen) {
    static const struct plan plan = {.live = true, .decode = {.decode_tunnels = true}};
    static const struct intake_calls calls = {
        .packet = see, .time_passed = pass_time, .housekeeping = keep_house};
    struct capture capture = {.magic = CAPTURE_MAGIC, .type = &source};
    struct intake intake;
    struct ledger ledger = {0};
    struct error error;
    atomic_bool stop = false;
    assert_int_equal(intake_open(&intake, &plan, &capture, &error), 0);
    intake_run(&intake, &calls, seen, &stop);
    intake_count(&intake, &ledger);
    intake_close(&intake);
    return ledger;
}

static void segments_are_packets_of_the_account(void **state) {
    (void)state;
    struct seen seen = {0};
    segment_size = SIZE;
    struct ledger ledger = run(&seen);
    assert_int_equal(seen.packets, 3);
    assert_int_equal(seen.marked, 0);
    assert_int_equal(seen.bytes, PAYLOAD + 3 * HEADERS);
    assert_int_equal(ledger.intake.packets, 3);
    assert_int_equal(ledger.intake.ignored[DECODE_METERED], 3);
    assert_int_equal(ledger.intake.bytes, seen.bytes);
    assert_int_equal(ledger.intake.super_packets, 1);
    assert_int_equal(ledger.intake.segments, 3);
    assert_int_equal(ledger.intake.held, 0);
}

static void without_a_size_it_is_one_packet(void **state) {
    (void)state;
    struct seen seen = {0};
    segment_size = 0;
    struct ledger ledger = run(&seen);
    assert_int_equal(seen.packets, 1);
    assert_int_equal(seen.marked, 1);
    assert_int_equal(ledger.intake.packets, 1);
    assert_int_equal(ledger.intake.bytes, sizeof bytes);
    assert_int_equal(ledger.intake.super_packets, 0);
    assert_int_equal(ledger.intake.segments, 0);
}

/* As a call may ask for where several threads take turns. */
static void see_one(void *context, const struct packet *packet) {
    struct intake *intake = context;
    (void)packet;
    intake->pauses = true;
}

static void count_house(void *context) {
    struct intake *intake = context;
    assert_int_equal(intake->frames, 1);
}

static void a_pause_ends_a_turn_but_not_the_source(void **state) {
    (void)state;
    static const struct plan plan = {.decode = {.decode_tunnels = true}};
    static const struct intake_calls calls = {.packet = see_one, .housekeeping = count_house};
    struct capture capture = {.magic = CAPTURE_MAGIC, .type = &source};
    struct intake intake;
    struct error error;
    atomic_bool stop = false;
    segment_size = 0;
    assert_int_equal(intake_open(&intake, &plan, &capture, &error), 0);
    assert_true(intake_read(&intake, &calls, &intake, &stop));
    assert_int_equal(intake.frames, 1);
    assert_false(intake_read(&intake, &calls, &intake, &stop));
    intake_close(&intake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_packets_of_the_account),
        cmocka_unit_test(without_a_size_it_is_one_packet),
        cmocka_unit_test(a_pause_ends_a_turn_but_not_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
