/* The server where a client can't be accepted. */
#include "app/monitor/http.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MEASURED_MILLISECONDS = 400 };

static bool answer(void *context, const char *path, struct http_answer *given) {
    (void)context, (void)path;
    given->body = strdup("well\n");
    given->length = strlen("well\n");
    given->content_type = "text/plain";
    return true;
}

static void begin(void) {
}

/* An address of this host with a port that nobody has. */
static struct listen_address free_address(void) {
    struct listen_address address = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *ipv4 = (void *)&address.socket.any;
    ipv4->sin_family = AF_INET;
    ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(descriptor, &address.socket.any, address.length), 0);
    assert_int_equal(getsockname(descriptor, &address.socket.any, &address.length), 0);
    close(descriptor);
    return address;
}

static void leave_no_descriptor(struct rlimit *before) {
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    int first_free = dup(STDERR_FILENO);
    assert_true(first_free >= 0);
    close(first_free);
    struct rlimit none = {.rlim_cur = (rlim_t)first_free, .rlim_max = before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static int64_t processor_milliseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void a_client_without_a_descriptor_takes_no_processor(void **state) {
    (void)state;
    struct error error;
    struct http_server *server;
    struct rlimit before;
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    const struct timespec measured = {.tv_nsec = MEASURED_MILLISECONDS * 1000000L};
    char got[512] = "";
    struct listen_address address = free_address();
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(client >= 0);
    assert_int_equal(http_server_open(&address, begin, answer, NULL, &server, &error), 0);

    leave_no_descriptor(&before);
    assert_int_equal(connect(client, &address.socket.any, address.length), 0);
    int64_t began = processor_milliseconds();
    nanosleep(&measured, NULL);
    int64_t taken = processor_milliseconds() - began;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(taken < MEASURED_MILLISECONDS / 4);

    assert_int_equal(send(client, request, sizeof request - 1, 0), sizeof request - 1);
    assert_true(recv(client, got, sizeof got - 1, 0) > 0);
    assert_non_null(strstr(got, "200 OK"));
    close(client);
    http_server_close(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_without_a_descriptor_takes_no_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
