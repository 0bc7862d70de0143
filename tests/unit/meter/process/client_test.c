#include "meter/process/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aborts.h"

enum { FLOWS = 3 };

static void release_what_was_never_asked(void *context) {
    visibility_release(context, 1);
}

static void ask_beyond_the_slots(void *context) {
    const struct process *process;
    enum visibility_end end;
    visibility_answer(context, FLOWS + 1, &process, &end);
}

static void what_a_meter_must_never_do_stops_the_program(void **state) {
    (void)state;
    struct visibility_client *client = client_create(NULL, FLOWS);
    assert_non_null(client);
    visibility_release(client, 0);
    assert_debug_aborts(release_what_was_never_asked, client);
    assert_debug_aborts(ask_beyond_the_slots, client);
    client_destroy(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_meter_must_never_do_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
