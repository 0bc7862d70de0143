#include "sink/kafka/client/kafka_tls.h"

#include <librdkafka/rdkafka.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { BROKERS_MAX = 32, NAME_SIZE = 256 };

/* The brokers that were refused last, in turn. */
static struct {
    char broker[NAME_SIZE]; /* "HOST:PORT" */
    int code;               /* X509_V_ERR_... */
} refused[BROKERS_MAX];
static size_t next_refused;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note_refusal(const char *broker, int code) {
    size_t place = 0;
    pthread_mutex_lock(&lock);
    while (place < BROKERS_MAX && strcmp(refused[place].broker, broker) != 0)
        place++;
    if (place == BROKERS_MAX)
        place = next_refused++ % BROKERS_MAX;
    snprintf(refused[place].broker, NAME_SIZE, "%s", broker);
    refused[place].code = code;
    pthread_mutex_unlock(&lock);
}

/* OpenSSL has judged; that stays. The form is librdkafka's. NOLINTNEXTLINE(readability-function-size) */
static int on_certificate(rd_kafka_t *client, const char *broker, int32_t id, int *code, int depth,
                          const char *bytes, size_t size, char *reason, size_t reason_size, void *opaque) {
    (void)client, (void)id, (void)depth, (void)bytes, (void)size, (void)opaque;
    if (*code == X509_V_OK)
        return 1;
    note_refusal(broker, *code);
    snprintf(reason, reason_size, "%s", X509_verify_cert_error_string(*code));
    return 0;
}

void kafka_tls_watch(rd_kafka_conf_t *conf) {
    rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
}

/* Errors begin with "ssl://HOST:PORT/ID: ". */
static bool is_of(const char *text, const char *broker) {
    const char *name = strstr(text, "://");
    size_t length = strlen(broker);
    return name && length > 0 && strncmp(name + 3, broker, length) == 0 && name[3 + length] == '/';
}

void kafka_tls_explain(const char *text, char *explained, size_t size) {
    int code = X509_V_OK;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < BROKERS_MAX && strstr(text, "certificate verify failed"); i++)
        if (is_of(text, refused[i].broker))
            code = refused[i].code;
    pthread_mutex_unlock(&lock);
    if (code == X509_V_OK)
        snprintf(explained, size, "%s", text);
    else
        snprintf(explained, size, "the broker's certificate: %s: %s", X509_verify_cert_error_string(code),
                 text);
}
