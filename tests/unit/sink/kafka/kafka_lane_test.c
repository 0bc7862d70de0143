/* Partitions of a Kafka output: what may be sent when, in which order, and up to where a spool's records are done. */
#include "sink/kafka/kafka_lane.h"

#include <librdkafka/rdkafka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sink/example_message.h"

enum { END = 100, NOW = 1000000, SECOND = 1000000, REASON = RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS };

static struct kafka_entry *add(struct kafka_lane *lane, uint64_t seq) {
    const struct message message = example_message("body", 4, seq);
    struct kafka_entry *entry = kafka_entry_make(&message, "\0\0\0\0\7", 5);
    assert_non_null(entry);
    kafka_lane_add(lane, entry);
    return entry;
}

static struct kafka_entry *send_one(struct kafka_lane *lane, uint64_t seq) {
    struct kafka_entry *entry = add(lane, seq);
    kafka_lane_sent(lane, entry, NOW);
    return entry;
}

static void done(struct kafka_lane *lane, struct kafka_entry *entry) {
    kafka_lane_remove(lane, entry);
    free(entry);
}

static void done_with_all(struct kafka_lane *lane) {
    while (lane->first)
        done(lane, lane->first);
    assert_int_equal(lane->count, 0);
    assert_int_equal(lane->sent, 0);
    assert_int_equal(lane->bytes, 0);
    assert_null(lane->unsent);
}

static void an_entry_has_the_framed_record_and_its_key(void **state) {
    (void)state;
    const struct message message = example_message("body", 4, 3);
    struct kafka_entry *entry = kafka_entry_make(&message, "\0\0\0\0\7", 5);
    assert_memory_equal(entry->bytes, "\0\0\0\0\7body", 9);
    assert_int_equal(entry->value_length, 9);
    assert_memory_equal(entry->bytes + 9, message.key, 32);
    assert_int_equal(kafka_entry_size(entry), 41);
    assert_string_equal(entry->record_kind, "final");
    assert_string_equal(entry->anon_key_id, "0123456789abcdef");
    free(entry);
}

static void what_comes_back_is_sent_again_in_its_order(void **state) {
    (void)state;
    struct kafka_lane lane = {0};
    struct kafka_entry *entries[5];
    for (uint64_t i = 0; i < 5; i++)
        entries[i] = send_one(&lane, i);
    assert_null(lane.unsent);
    kafka_lane_came_back(&lane, entries[3]);
    kafka_lane_came_back(&lane, entries[1]);
    assert_ptr_equal(lane.unsent, entries[1]);
    assert_int_equal(lane.sent, 3);
    kafka_lane_sent(&lane, entries[1], NOW);
    assert_ptr_equal(lane.unsent, entries[3]);
    done(&lane, entries[3]);
    assert_null(lane.unsent);
    done_with_all(&lane);
}

static void a_silent_partition_is_held_until_it_acknowledges(void **state) {
    (void)state;
    struct kafka_lane lane = {0};
    struct kafka_entry *first = send_one(&lane, 1);
    send_one(&lane, 2);
    assert_false(kafka_lane_is_silent(&lane, SECOND, NOW + SECOND - 1));
    assert_true(kafka_lane_is_silent(&lane, SECOND, NOW + SECOND));
    kafka_lane_hold(&lane, 0, END, NOW + SECOND);
    assert_false(kafka_lane_may_send(&lane));
    assert_false(kafka_lane_is_silent(&lane, SECOND, NOW + 2 * SECOND));
    assert_false(kafka_lane_retry(&lane, NOW + 100 * SECOND)); /* librdkafka still has its records */
    done(&lane, first);
    assert_true(kafka_lane_acknowledged(&lane, NOW + 3 * SECOND));
    assert_int_equal(lane.state, KAFKA_DRAINS);
    assert_true(kafka_lane_may_send(&lane));
    assert_int_equal(lane.next, END);
    kafka_lane_flow(&lane);
    assert_int_equal(lane.state, KAFKA_FLOWS);
    done_with_all(&lane);
}

/* Sends the only record again; the pause before that. */
static int64_t fail_again(struct kafka_lane *lane, struct kafka_entry *entry, int64_t *now) {
    int64_t pause = lane->retry - *now;
    assert_false(kafka_lane_retry(lane, lane->retry - 1));
    *now = lane->retry;
    assert_true(kafka_lane_retry(lane, *now));
    assert_true(kafka_lane_may_send(lane));
    kafka_lane_sent(lane, entry, *now);
    assert_false(kafka_lane_may_send(lane)); /* one decides */
    kafka_lane_came_back(lane, entry);
    kafka_lane_hold(lane, REASON, END, *now);
    return pause;
}

static void after_an_error_one_record_is_tried_with_growing_pauses(void **state) {
    (void)state;
    struct kafka_lane lane = {0};
    int64_t now = NOW, pause = 0, last = 0;
    struct kafka_entry *entry = send_one(&lane, 1);
    kafka_lane_came_back(&lane, entry);
    kafka_lane_hold(&lane, REASON, END, now);
    for (int i = 0; i < 10; i++, last = pause) {
        pause = fail_again(&lane, entry, &now);
        assert_true(pause >= last && pause > 0 && pause <= SECOND);
    }
    now = lane.retry;
    assert_true(kafka_lane_retry(&lane, now));
    kafka_lane_sent(&lane, entry, now);
    done(&lane, entry);
    assert_true(kafka_lane_acknowledged(&lane, now));
    assert_true(kafka_lane_may_send(&lane));
    assert_int_equal(lane.held, NOW);
    kafka_lane_flow(&lane);
    assert_int_equal(lane.state, KAFKA_FLOWS);
    assert_int_equal(lane.held, 0);
}

static void it_does_not_flow_while_records_wait_in_memory(void **state) {
    (void)state;
    struct kafka_lane lane = {0};
    struct kafka_entry *entry = send_one(&lane, 1);
    kafka_lane_came_back(&lane, entry);
    kafka_lane_hold(&lane, REASON, END, NOW);
    assert_true(kafka_lane_retry(&lane, lane.retry));
    assert_false(kafka_lane_can_flow(&lane));
    done_with_all(&lane);
}

static void too_large_batches_are_halved_down_to_one_record(void **state) {
    (void)state;
    struct kafka_lane lane = {0};
    for (uint64_t i = 0; i < 8; i++)
        send_one(&lane, i);
    assert_true(kafka_lane_halve(&lane));
    for (struct kafka_entry *entry = lane.first; entry; entry = entry->next) {
        kafka_lane_came_back(&lane, entry);
        kafka_lane_hold(&lane, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, END, NOW);
        assert_true(kafka_lane_halve(&lane)); /* of the same batch */
    }
    assert_int_equal(lane.most, 4);
    assert_true(kafka_lane_retry(&lane, lane.retry));
    kafka_lane_sent(&lane, lane.unsent, NOW);
    assert_false(kafka_lane_halve(&lane)); /* it was alone */
    done(&lane, lane.first);
    kafka_lane_acknowledged(&lane, NOW);
    while (kafka_lane_may_send(&lane))
        kafka_lane_sent(&lane, lane.unsent, NOW);
    assert_int_equal(lane.sent, 4);
    for (int i = 0; i < 15; i++)
        kafka_lane_acknowledged(&lane, NOW);
    assert_int_equal(lane.most, 8);
    for (int i = 0; i < 100000; i++)
        kafka_lane_acknowledged(&lane, NOW);
    assert_int_equal(lane.most, 0);
    done_with_all(&lane);
}

static void records_of_the_spool_are_done_below_the_oldest_in_memory(void **state) {
    (void)state;
    struct kafka_lane lane = {0};
    assert_int_equal(kafka_lane_low(&lane, END), END);
    struct kafka_entry *first = send_one(&lane, 1);
    struct kafka_entry *second = send_one(&lane, 2);
    assert_int_equal(kafka_lane_low(&lane, END), END); /* none is in the spool */
    first->position = END;
    second->position = END + 1;
    kafka_lane_hold(&lane, 0, END + 2, NOW);
    assert_int_equal(kafka_lane_low(&lane, END + 9), END);
    done(&lane, first);
    assert_int_equal(kafka_lane_low(&lane, END + 9), END + 1);
    done(&lane, second);
    assert_int_equal(kafka_lane_low(&lane, END + 9), END + 2);
    kafka_lane_acknowledged(&lane, NOW);
    lane.next = END + 5;
    assert_int_equal(kafka_lane_low(&lane, END + 9), END + 5);
    kafka_lane_flow(&lane);
    assert_int_equal(kafka_lane_low(&lane, END + 9), END + 9);
}

static void a_record_in_the_spool_makes_it_drain(void **state) {
    (void)state;
    struct kafka_lane lane = {0};
    kafka_lane_queue(&lane, 7);
    assert_int_equal(lane.state, KAFKA_DRAINS);
    kafka_lane_queue(&lane, 9);
    assert_int_equal(lane.next, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_has_the_framed_record_and_its_key),
        cmocka_unit_test(what_comes_back_is_sent_again_in_its_order),
        cmocka_unit_test(a_silent_partition_is_held_until_it_acknowledges),
        cmocka_unit_test(after_an_error_one_record_is_tried_with_growing_pauses),
        cmocka_unit_test(it_does_not_flow_while_records_wait_in_memory),
        cmocka_unit_test(too_large_batches_are_halved_down_to_one_record),
        cmocka_unit_test(records_of_the_spool_are_done_below_the_oldest_in_memory),
        cmocka_unit_test(a_record_in_the_spool_makes_it_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
