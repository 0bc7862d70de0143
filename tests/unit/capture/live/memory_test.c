/* No memory, socket or wait for a live capture: it fails with a line that says so and leaves nothing; one under way goes on if
 * it can. */
#include "capture/capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sysexits.h>

#include <cmocka.h>

#include "capture/live/live_fixture.h"
#include "faults.h"

enum { SHARES = 2, PATIENCE_SECONDS = 10 };

static int sender = -1; /* the test's own sockets are not meant */

static int make_sender(void **state) {
    int result = enter_namespace(state);
    sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sender < 0 ? -1 : result;
}

static void send_datagram(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(DISCARD_PORT)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(sendto(sender, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
}

static int told(const struct error *error, int result) {
    if (error->exit_code != EX_OSERR && error->exit_code != EX_IOERR)
        fail_msg("code %d: %s", error->exit_code, error->text);
    assert_true(error->text[0] != '\0');
    return result;
}

/* Until one of the shares has the datagram, or the first failure; the capture has ended then. */
static int read_one(struct capture *const *captures) {
    double end = now() + PATIENCE_SECONDS;
    for (size_t share = 0; now() < end; share = (share + 1) % SHARES) {
        struct frame frame;
        struct error error = {0};
        enum capture_event event;
        int result = capture_next(captures[share], &frame, &event, &error);
        if (result < 0) {
            assert_int_equal(capture_next(captures[share], &frame, &event, &error), 0);
            assert_int_equal(event, CAPTURE_END);
            return told(&error, result);
        }
        if (event == CAPTURE_FRAME && is_to_port(&frame, DISCARD_PORT))
            return 0;
    }
    fail_msg("no datagram within %d s", PATIENCE_SECONDS);
    return -1;
}

static int use(void) {
    struct capture_options options = options_for("lo");
    struct capture *captures[SHARES] = {NULL};
    struct error error = {0};
    options.bpf_filter = "udp dst port 9";
    options.poll_milliseconds = 5;
    options.block_milliseconds = 2;
    options.socket_buffer_size = 1 << 18;
    int result = capture_open_shares(&options, SHARES, captures, &error);
    if (result < 0) {
        for (size_t i = 0; i < SHARES; i++)
            assert_null(captures[i]);
        return told(&error, result);
    }
    send_datagram();
    result = read_one(captures);
    for (size_t i = 0; i < SHARES; i++)
        capture_close(captures[i]);
    return result;
}

static void without_memory(void **state) {
    (void)state;
    need_namespace();
    each_call_fails("alloc", use);
}

static void without_sockets(void **state) {
    (void)state;
    need_namespace();
    each_call_fails("open", use);
}

static void without_waits(void **state) {
    (void)state;
    need_namespace();
    faults_fail_call *let_fail = find_faults();
    struct capture_options options = options_for("lo");
    struct capture *capture = NULL;
    struct frame frame;
    enum capture_event event;
    struct error error = {0};
    assert_int_equal(capture_open(&options, &capture, &error), 0);
    let_fail("wait", 1);
    assert_int_equal(capture_next(capture, &frame, &event, &error), -ENOMEM);
    assert_true(let_fail("wait", 0));
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_non_null(strstr(error.text, "capturing on lo failed after 0 packets: Cannot allocate memory"));
    assert_int_equal(capture_next(capture, &frame, &event, &error), 0);
    assert_int_equal(event, CAPTURE_END);
    capture_close(capture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory),
        cmocka_unit_test(without_sockets),
        cmocka_unit_test(without_waits),
    };
    return cmocka_run_group_tests(tests, make_sender, NULL);
}
