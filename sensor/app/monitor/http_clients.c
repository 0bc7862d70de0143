#include "app/monitor/http_clients.h"

#include <stddef.h>
#include <sys/socket.h>

void http_clients_init(struct http_clients *clients) {
    for (size_t i = 0; i < HTTP_CLIENTS_ROOM; i++)
        clients->places[i] = (struct http_client){.descriptor = -1};
}

static bool is_served(const struct http_client *client) {
    return client->descriptor >= 0 && !client->cut;
}

/* The server then finds the end of the connection at its next look, and closes it. */
static void cut(struct http_client *client) {
    client->cut = true;
    shutdown(client->descriptor, SHUT_RDWR);
}

static void cut_oldest(struct http_clients *clients) {
    struct http_client *oldest = NULL;
    int served = 0;
    for (size_t i = 0; i < HTTP_CLIENTS_ROOM; i++) {
        struct http_client *place = &clients->places[i];
        if (!is_served(place))
            continue;
        served++;
        if (!oldest || place->since < oldest->since)
            oldest = place;
    }
    if (served >= HTTP_CLIENTS_MAX)
        cut(oldest);
}

static void await_request(struct http_client *client, int64_t now) {
    client->since = now;
    client->deadline = now + HTTP_REQUEST_MICROSECONDS;
}

struct http_client *http_clients_add(struct http_clients *clients, int descriptor, int64_t now) {
    cut_oldest(clients);
    for (size_t i = 0; i < HTTP_CLIENTS_ROOM; i++) {
        struct http_client *place = &clients->places[i];
        if (place->descriptor >= 0)
            continue;
        *place = (struct http_client){.descriptor = descriptor};
        await_request(place, now);
        return place;
    }
    return NULL;
}

void http_client_asked(struct http_client *client, int64_t now) {
    client->deadline = now + HTTP_ANSWER_MICROSECONDS;
}

void http_client_answered(struct http_client *client, int64_t now) {
    await_request(client, now);
}

void http_client_remove(struct http_client *client) {
    *client = (struct http_client){.descriptor = -1};
}

void http_clients_sweep(struct http_clients *clients, int64_t now) {
    for (size_t i = 0; i < HTTP_CLIENTS_ROOM; i++) {
        struct http_client *place = &clients->places[i];
        if (is_served(place) && now > place->deadline)
            cut(place);
    }
}
