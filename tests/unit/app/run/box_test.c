/* Packets to the meters and records from them, by way of rings (app/run/inbox.h, app/run/outbox.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/run/inbox.h"
#include "app/run/outbox.h"

static struct inbox *box(void) {
    static struct gate gate;
    return inbox_create(1 << 20, &gate);
}

static void a_packet_is_a_copy(void **state) {
    (void)state;
    struct inbox *inbox = box();
    unsigned char bytes[] = {0x45, 1, 2, 3};
    struct packet packet = {.time = 77, .ip = bytes, .ip_captured = sizeof bytes, .source_port = 80};
    const struct packet *found;
    assert_int_equal(inbox_peek(inbox, &found), INBOX_EMPTY);
    assert_null(found);
    inbox_put(inbox, &packet, 7, NULL);
    memset(bytes, 0, sizeof bytes);
    ring_publish(inbox->ring);
    assert_int_equal(inbox_peek(inbox, &found), INBOX_PACKET);
    assert_int_equal(found->time, 77);
    assert_int_equal(found->source_port, 80);
    assert_int_equal(inbox_hash(found), 7);
    assert_int_equal(found->ip_captured, 4);
    assert_memory_equal(found->ip, "\x45\1\2\3", 4);
    ring_release(inbox->ring);
    assert_int_equal(inbox_peek(inbox, &found), INBOX_EMPTY);
    inbox_destroy(inbox);
}

/* What the meter looks at next, and whether the window is held then. */
static void expect_next(struct inbox *inbox, enum inbox_content content, const uint8_t *bytes,
                        const struct window *window, bool is_held) {
    const struct packet *found;
    assert_int_equal(inbox_peek(inbox, &found), content);
    assert_ptr_equal(found->ip, bytes);
    assert_int_equal(window_is_held(window), is_held);
    ring_release(inbox->ring);
}

/* Bytes that lie in a window are not copied. It is held once, until the meter has a packet of another one, or a time. */
static void a_window_is_held_for_its_packets(void **state) {
    (void)state;
    struct inbox *inbox = box();
    struct window_set *set = window_set_create(2);
    struct window *first = window_set_take(set, 0);
    struct packet packet = {.ip = first->bytes + 100, .ip_captured = 50};
    inbox_put(inbox, &packet, 7, first);
    inbox_put(inbox, &packet, 7, first);
    struct window *second = window_set_take(set, 0);
    assert_ptr_not_equal(first, second);
    packet.ip = second->bytes;
    inbox_put(inbox, &packet, 7, second);
    assert_null(window_set_take(set, 0));
    inbox_put_time(inbox, 5);
    expect_next(inbox, INBOX_PACKET, first->bytes + 100, first, true);
    expect_next(inbox, INBOX_PACKET, first->bytes + 100, first, true);
    expect_next(inbox, INBOX_PACKET, second->bytes, first, false);
    assert_true(window_is_held(second));
    expect_next(inbox, INBOX_TIME, NULL, second, false);
    inbox_destroy(inbox);
    window_set_destroy(set);
}

/* The decoder's own bytes, such as a fragment's that it held, lie in no window. */
static void bytes_outside_of_the_window_are_copied(void **state) {
    (void)state;
    struct inbox *inbox = box();
    struct window_set *set = window_set_create(1);
    struct window *window = window_set_take(set, 0);
    unsigned char byte = 0x45;
    struct packet packet = {.ip = &byte, .ip_captured = 1};
    const struct packet *found;
    inbox_put(inbox, &packet, 7, window);
    byte = 0;
    inbox_put_time(inbox, 5);
    assert_false(window_is_held(window));
    assert_int_equal(inbox_peek(inbox, &found), INBOX_PACKET);
    assert_int_equal(*found->ip, 0x45);
    inbox_destroy(inbox);
    window_set_destroy(set);
}

static void time_goes_on_without_a_packet(void **state) {
    (void)state;
    struct inbox *inbox = box();
    const struct packet *found;
    inbox_put_time(inbox, -5);
    assert_int_equal(inbox_peek(inbox, &found), INBOX_TIME);
    assert_int_equal(found->time, -5);
    inbox_destroy(inbox);
}

/* Packets wait for others to be handed over with, but not for longer than a time or the beginning of a recording. */
static void a_time_hands_over_the_packets_before_it(void **state) {
    (void)state;
    struct inbox *inbox = box();
    unsigned char byte = 0x45;
    struct packet packet = {.time = 77, .ip = &byte, .ip_captured = 1};
    const struct packet *found;
    inbox_put(inbox, &packet, 7, NULL);
    assert_int_equal(inbox_peek(inbox, &found), INBOX_EMPTY);
    inbox_put_begin(inbox);
    assert_int_equal(inbox_peek(inbox, &found), INBOX_PACKET);
    ring_release(inbox->ring);
    assert_int_equal(inbox_peek(inbox, &found), INBOX_BEGIN);
    inbox_destroy(inbox);
}

static void a_record_keeps_all_but_its_place(void **state) {
    (void)state;
    static const struct message_origin origin = {.sensor_id = "s"};
    struct gate gate = {0};
    struct ring *ring = ring_create(1 << 20, &gate);
    uint8_t body[] = {1, 2, 3};
    char key[] = "abcd";
    struct message message = {body, sizeof body, key, 4, 9, "final", &origin, "0123456789abcdef"}, found;
    size_t output;
    assert_false(outbox_peek(ring, &output, &found));
    assert_true(outbox_put(ring, 3, &message, false));
    memset(body, 0, sizeof body);
    memset(key, 0, sizeof key);
    memset(message.anon_key_id, 0, sizeof message.anon_key_id);
    assert_true(outbox_peek(ring, &output, &found));
    assert_int_equal(output, 3);
    assert_int_equal(found.seq, 9);
    assert_int_equal(found.body_length, 3);
    assert_memory_equal(found.body, "\1\2\3", 3);
    assert_int_equal(found.key_length, 4);
    assert_memory_equal(found.key, "abcd", 4);
    assert_string_equal(found.record_kind, "final");
    assert_string_equal(found.anon_key_id, "0123456789abcdef");
    assert_ptr_equal(found.origin, &origin);
    ring_destroy(ring);
}

static void a_record_that_finds_no_room_is_refused(void **state) {
    (void)state;
    struct gate gate = {0};
    struct ring *ring = ring_create(4096, &gate);
    static uint8_t body[8192];
    struct message message = {.body = body, .body_length = sizeof body, .key = ""}, found;
    size_t output;
    assert_false(
        outbox_put(ring, 0, &message, true)); /* it would never fit, so there is nothing to wait for */
    message.body_length = 1500;
    assert_true(outbox_put(ring, 0, &message, false));
    assert_true(outbox_put(ring, 0, &message, false));
    assert_false(outbox_put(ring, 0, &message, false));
    assert_true(outbox_peek(ring, &output, &found));
    ring_release(ring);
    assert_true(outbox_put(ring, 0, &message, false));
    ring_destroy(ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_a_copy),
        cmocka_unit_test(a_window_is_held_for_its_packets),
        cmocka_unit_test(bytes_outside_of_the_window_are_copied),
        cmocka_unit_test(time_goes_on_without_a_packet),
        cmocka_unit_test(a_time_hands_over_the_packets_before_it),
        cmocka_unit_test(a_record_keeps_all_but_its_place),
        cmocka_unit_test(a_record_that_finds_no_room_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
