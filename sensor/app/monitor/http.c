#include "app/monitor/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/monitor/http_clients.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum {
    CONNECTION_MEMORY = 8192,
    IDLE_SECONDS = 3,        /* without a byte, also while an answer is taken */
    BACKLOG = 4096,          /* a client that finds it full comes again after a second only */
    WAIT_MILLISECONDS = 250, /* until the end is noticed */
    VAIN_ROUNDS_MOST = 64,   /* one after another: a client that sends byte by byte takes as many */
    VAIN_PAUSE_MILLISECONDS = 10,
};

struct http_server {
    struct MHD_Daemon *daemon;
    void (*begin)(void);
    http_answer_call *answer;
    void *context;
    struct http_clients clients;
    unsigned vain; /* rounds in a row that ended at once, with nobody who came, asked, was answered or went */
    pthread_t thread;
    atomic_bool stopping;
};

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *content_type,
                               struct MHD_Response *response) {
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* An answer that is always the same. */
static enum MHD_Result respond_plainly(struct MHD_Connection *connection, unsigned status, char *text) {
    return respond(connection, status, "text/plain; charset=utf-8",
                   MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT));
}

/* Who has a body to send would be waited for, and no path here takes one. An answer at the headers closes the connection, so
 * that nothing of the body is read. */
static bool has_body(struct MHD_Connection *connection) {
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static struct http_client *client_of(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request) {
    static char wrong_method[] = "only GET and HEAD\n", body[] = "no body\n", nothing[] = "not found\n",
                failed[] = "no memory\n";
    static int begun;
    struct http_server *server = context;
    (void)version, (void)upload, (void)upload_size;
    server->vain = 0;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return respond_plainly(connection, MHD_HTTP_METHOD_NOT_ALLOWED, wrong_method);
    if (has_body(connection))
        return respond_plainly(connection, MHD_HTTP_CONTENT_TOO_LARGE, body);
    /* The first call comes with the headers alone. */
    if (!*request) {
        *request = &begun;
        return MHD_YES;
    }
    if (client_of(connection))
        http_client_asked(client_of(connection), clock_monotonic());
    struct http_answer answer = {.status = MHD_HTTP_OK};
    if (!server->answer(server->context, path, &answer))
        return respond_plainly(connection, MHD_HTTP_NOT_FOUND, nothing);
    if (!answer.body)
        return respond_plainly(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, failed);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer.length, answer.body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(answer.body);
    else if (answer.is_last)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return respond(connection, answer.status, answer.content_type, response);
}

/* What stays must not take a whole core: an error, or a client that can't be accepted, since there is no descriptor for it.
 * The library then comes back at once, again and again. */
static void rest(struct http_server *server, bool failed, int64_t waited) {
    server->vain = waited < VAIN_PAUSE_MILLISECONDS * INT64_C(1000) ? server->vain + 1 : 0;
    if (failed)
        poll(NULL, 0, WAIT_MILLISECONDS);
    else if (server->vain > VAIN_ROUNDS_MOST)
        poll(NULL, 0, VAIN_PAUSE_MILLISECONDS);
}

static void *serve(void *context) {
    struct http_server *server = context;
    server->begin();
    while (!atomic_load(&server->stopping)) {
        int64_t began = clock_monotonic();
        bool failed = MHD_run_wait(server->daemon, WAIT_MILLISECONDS) != MHD_YES;
        int64_t now = clock_monotonic();
        rest(server, failed, now - began);
        http_clients_sweep(&server->clients, now);
    }
    return NULL;
}

static const char *print_address(const struct sockaddr *any, char *text, size_t size) {
    const struct sockaddr_in *ipv4 = (const void *)any;
    const struct sockaddr_in6 *ipv6 = (const void *)any;
    char host[INET6_ADDRSTRLEN] = "";
    bool is_ipv6 = any->sa_family == AF_INET6;
    inet_ntop(any->sa_family, is_ipv6 ? (const void *)&ipv6->sin6_addr : (const void *)&ipv4->sin_addr, host,
              sizeof host);
    snprintf(text, size, is_ipv6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)ntohs(is_ipv6 ? ipv6->sin6_port : ipv4->sin_port));
    return text;
}

static int open_socket(const struct listen_address *address, int *descriptor, struct error *error) {
    char text[INET6_ADDRSTRLEN + 16];
    const int on = 1;
    int listener = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(listener, &address->socket.any, address->length) == 0 && listen(listener, BACKLOG) == 0) {
        *descriptor = listener;
        return 0;
    }
    int reason = errno;
    if (listener >= 0)
        close(listener);
    const char *remedy = reason == EADDRINUSE      ? "end who listens there, or choose another port"
                         : reason == EADDRNOTAVAIL ? "choose an address of this host"
                                                   : "choose a port above 1023";
    return error_set(error, reason, reason == EACCES ? EX_NOPERM : EX_UNAVAILABLE,
                     "monitoring.listen %s: %s; %s", print_address(&address->socket.any, text, sizeof text),
                     strerror(reason), remedy);
}

/* The library's notices, in the server's thread. */

static void on_connection(void *context, struct MHD_Connection *connection, void **client,
                          enum MHD_ConnectionNotificationCode notice) {
    struct http_server *server = context;
    server->vain = 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (notice == MHD_CONNECTION_NOTIFY_STARTED)
        *client = http_clients_add(&server->clients, info->connect_fd, clock_monotonic());
    else if (*client)
        http_client_remove(*client);
}

static void on_answered(void *context, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode end) {
    struct http_server *server = context;
    (void)request, (void)end;
    server->vain = 0;
    if (client_of(connection))
        http_client_answered(client_of(connection), clock_monotonic());
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listener) {
    http_clients_init(&server->clients);
    return MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CLIENTS_ROOM, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        server, MHD_OPTION_NOTIFY_COMPLETED, on_answered, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
}

static void say_where(int listener) {
    struct listen_address bound = {.length = sizeof bound.socket};
    char text[INET6_ADDRSTRLEN + 16];
    if (getsockname(listener, &bound.socket.any, &bound.length) == 0)
        log_line(LOG_INFO, "monitoring: http://%s/metrics",
                 print_address(&bound.socket.any, text, sizeof text));
}

static int start(struct http_server *server, int listener) {
    server->daemon = start_daemon(server, listener);
    if (!server->daemon) {
        close(listener);
        return -ENOMEM;
    }
    /* A thread of ours, and not the library's, so that it can give up what it may do. */
    int result = thread_start(&server->thread, "monitor", serve, server);
    if (result < 0)
        MHD_stop_daemon(server->daemon); /* closes the listening socket too */
    return result;
}

int http_server_open(const struct listen_address *address, void (*begin)(void), http_answer_call *answer,
                     void *context, struct http_server **opened, struct error *error) {
    int listener = -1;
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    *server = (struct http_server){.begin = begin, .answer = answer, .context = context};
    int result = open_socket(address, &listener, error);
    if (result == 0) {
        result = start(server, listener);
        if (result < 0)
            error_set(error, -result, EX_OSERR, "monitoring.listen: the server can't be started: %s",
                      strerror(-result));
    }
    if (result < 0) {
        free(server);
        return result;
    }
    say_where(listener);
    *opened = server;
    return 0;
}

void http_server_close(struct http_server *server) {
    if (!server)
        return;
    atomic_store(&server->stopping, true);
    pthread_join(server->thread, NULL);
    MHD_stop_daemon(server->daemon);
    free(server);
}

const char *http_library_version(void) {
    return MHD_get_version();
}
