/* An HTTP server on loopback that gives scripted answers, one after another, and keeps what it was asked. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVER_ANSWERS = 8, SERVER_REQUEST_SIZE = 4096 };

struct server_answer {
    int status; /* 0: takes the request and says nothing; -1: closes at once */
    const char *body;
    const char *header; /* one more line with its end, or NULL */
};

struct server {
    int listener;
    char url[64];
    struct server_answer answers[SERVER_ANSWERS];
    int answer_count;
    _Atomic int asked; /* requests so far; read when the client has its answer */
    char requests[SERVER_ANSWERS][SERVER_REQUEST_SIZE];
    pthread_t thread;
};

/* Reads a request with its body, which Content-Length tells. */
static inline void server_read(int connection, char *request) {
    size_t length = 0, wanted = SERVER_REQUEST_SIZE - 1;
    while (length < wanted) {
        ssize_t got = recv(connection, request + length, SERVER_REQUEST_SIZE - 1 - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
        request[length] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        const char *size = strcasestr(request, "\r\nContent-Length:");
        if (end)
            wanted = (size_t)(end - request) + 4 + (size ? strtoul(size + 17, NULL, 10) : 0);
    }
    request[length] = '\0';
}

static inline void server_answer(int connection, const struct server_answer *answer) {
    char head[512], rest[64];
    if (answer->status < 0)
        return;
    if (answer->status == 0) {
        while (recv(connection, rest, sizeof rest, 0) > 0)
            ;
        return;
    }
    snprintf(head, sizeof head, "HTTP/1.1 %d Answer\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
             answer->status, strlen(answer->body), answer->header ? answer->header : "");
    send(connection, head, strlen(head), MSG_NOSIGNAL);
    send(connection, answer->body, strlen(answer->body), MSG_NOSIGNAL);
}

static inline void *server_run(void *context) {
    struct server *server = context;
    int connection;
    while (server->asked < server->answer_count && (connection = accept(server->listener, NULL, NULL)) >= 0) {
        int index = server->asked;
        server_read(connection, server->requests[index]);
        server->asked++;
        server_answer(connection, &server->answers[index]);
        close(connection);
    }
    /* Nobody listens behind the last answer: a further request is refused. */
    close(server->listener);
    return NULL;
}

/* Starts a server that gives these answers. Stop it with server_stop(). */
static inline struct server *server_start(const struct server_answer *answers, int count) {
    struct server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    memcpy(server->answers, answers, (size_t)count * sizeof *answers);
    server->answer_count = count;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->listener, (struct sockaddr *)&address, size) != 0 || listen(server->listener, 4) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    pthread_create(&server->thread, NULL, server_run, server);
    return server;
}

/* Waits for the client's last connection to be served; what was not asked is not waited for. */
static inline void server_stop(struct server *server) {
    if (server->asked < server->answer_count)
        shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    free(server);
}
