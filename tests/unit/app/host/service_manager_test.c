/* What a service manager hears, on a socket with a path and on an abstract one. */
#include "app/host/service_manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static int listen_on(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, length), 0);
    return listener;
}

static void hear(int listener, const char *expected) {
    char text[64] = "";
    ssize_t length = recv(listener, text, sizeof text - 1, 0);
    assert_true(length >= 0 || *expected == '\0');
    assert_string_equal(text, expected);
}

static void talk(const char *name) {
    struct service_manager manager;
    int listener = listen_on(name);
    setenv("NOTIFY_SOCKET", name, 1);
    service_manager_open(&manager);
    service_manager_ready(&manager);
    hear(listener, "READY=1");
    service_manager_stopping(&manager);
    hear(listener, "STOPPING=1");
    close(listener);
    service_manager_ready(&manager); /* nobody is there any more: nothing happens */
    service_manager_close(&manager);
    unsetenv("NOTIFY_SOCKET");
}

static void both_kinds_of_sockets(void **state) {
    (void)state;
    char name[108];
    snprintf(name, sizeof name, "@flowsensor-test-%d", (int)getpid());
    talk(name);
    snprintf(name, sizeof name, "/tmp/flowsensor-test-%d", (int)getpid());
    talk(name);
    unlink(name);
}

static void nobody_asked(void **state) {
    (void)state;
    static const char *const names[] = {"", "relative", "/", "@"};
    struct service_manager manager;
    unsetenv("NOTIFY_SOCKET");
    service_manager_open(&manager);
    assert_int_equal(manager.socket, -1);
    service_manager_ready(&manager);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        service_manager_open(&manager);
        assert_int_equal(manager.socket, -1);
    }
    unsetenv("NOTIFY_SOCKET");
}

static void it_lives_as_long_as_its_loops_move(void **state) {
    (void)state;
    struct service_manager manager;
    char name[108], pid[24];
    snprintf(name, sizeof name, "@flowsensor-watch-%d", (int)getpid());
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    int listener = listen_on(name);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    service_manager_open(&manager);
    service_manager_watchdog(&manager, 0, 100 * SECOND);
    hear(listener, "WATCHDOG=1");
    service_manager_watchdog(&manager, 0, 100 * SECOND + SECOND / 2);
    hear(listener, "");
    service_manager_watchdog(&manager, 2 * SECOND, 102 * SECOND);
    hear(listener, "WATCHDOG=1");
    service_manager_watchdog(&manager, 4 * SECOND, 110 * SECOND);
    hear(listener, "");
    service_manager_close(&manager);
    /* It is another process that is watched. */
    setenv("WATCHDOG_PID", "1", 1);
    service_manager_open(&manager);
    service_manager_watchdog(&manager, 0, 200 * SECOND);
    hear(listener, "");
    service_manager_close(&manager);
    close(listener);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_of_sockets),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(it_lives_as_long_as_its_loops_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
