/* Fuzzes the registry's answers: a server on loopback gives them, over HTTP as a registry does. An input is a list of
 * answers, one for each request: a byte that chooses the status, two of length, and the body; behind the last one, an
 * empty answer. Each call of the client ends with 0 or with a line. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "record/registry/registry.h"
#include "record/schema/schema.h"

enum { REQUEST_MAX = 1 << 17, INPUT_MAX = 1 << 16 };

static const int statuses[] = {200, 404, 409, 422, 401, 500, 405, 204};
/* The answers that are left: a copy, since a client that wants no body doesn't wait until the server has written it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t answers[INPUT_MAX];
static size_t answers_at, answers_size;
static struct schema *schema;
static struct registry_options options;

static void require(bool condition) {
    if (!condition)
        abort();
}

static void send_answer(int client) {
    char head[128];
    int status = 404;
    size_t length = 0;
    pthread_mutex_lock(&lock);
    const uint8_t *body = answers + answers_at;
    size_t left = answers_size - answers_at;
    if (left >= 3) {
        status = statuses[body[0] % (sizeof statuses / sizeof *statuses)];
        length = (size_t)body[1] << 8 | body[2];
        body += 3;
        length = length < left - 3 ? length : left - 3;
        answers_at += 3 + length;
    }
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %d x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", status, length);
    (void)!write(client, head, (size_t)size);
    (void)!write(client, body, length);
    pthread_mutex_unlock(&lock);
}

/* Until the end of the request: its head and as much as the head says. */
static void read_request(int client) {
    static char request[REQUEST_MAX + 1];
    size_t have = 0;
    ssize_t more = 1;
    const char *end = NULL;
    size_t whole = SIZE_MAX;
    while (have < whole && have < REQUEST_MAX && more > 0) {
        more = read(client, request + have, REQUEST_MAX - have);
        have += more > 0 ? (size_t)more : 0;
        request[have] = '\0';
        end = strstr(request, "\r\n\r\n");
        const char *length = strcasestr(request, "content-length:");
        if (end)
            whole =
                (size_t)(end + 4 - request) + (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
    }
}

static void *serve(void *context) {
    int listener = *(int *)context;
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        read_request(client);
        send_answer(client);
        close(client);
    }
    return NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static int listener;
    static char url[64];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct error error = {0};
    pthread_t thread;
    (void)argc, (void)argv;
    log_configure(LOG_ERROR, LOG_PLAIN);
    setenv("no_proxy", "127.0.0.1", 1);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    require(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 64) == 0);
    require(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    options = (struct registry_options){.url = url, .timeout = 5000000, .max_response_size = 1 << 14};
    require(schema_load("flow_lite/v1", NULL, false, &schema, &error) == 0 ||
            schema_load("flow/v1", NULL, false, &schema, &error) == 0);
    require(pthread_create(&thread, NULL, serve, &listener) == 0);
    return 0;
}

static void judge(int result, const struct error *error) {
    require(result == 0 || (error->exit_code != 0 && error->text[0] != '\0' && !strchr(error->text, '\n')));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct registry *registry = NULL;
    struct error error = {0};
    uint32_t id = 0;
    if (size == 0 || size > INPUT_MAX)
        return 0;
    bool auto_register = data[0] % 2 == 1;
    pthread_mutex_lock(&lock);
    memcpy(answers, data, size);
    answers_at = 1;
    answers_size = size;
    pthread_mutex_unlock(&lock);
    require(registry_open(&options, &registry, &error) == 0);
    int result = registry_resolve(registry, "flows-value", schema, auto_register, &id, &error);
    judge(result, &error);
    require(result < 0 || (id > 0 && id <= INT32_MAX));
    char *text = NULL;
    error = (struct error){0};
    result = registry_schema_text(registry, id, &text, &error);
    judge(result, &error);
    require((result == 0) == (text != NULL));
    free(text);
    char reason[64];
    enum registry_compatibility compatibility = REGISTRY_NO_SUBJECT;
    error = (struct error){0};
    judge(registry_check(registry, "flows-value", schema, &compatibility, reason, sizeof reason, &error),
          &error);
    registry_close(registry);
    return 0;
}
