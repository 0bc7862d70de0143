// TLS hellos and certificates (RFC 8446, RFC 5246, X.509): the messages whose parsing is most of dissection's work on TLS.

#include "payload.h"

#include <stdio.h>

#include "buffer.h"
#include "random.h"

enum {
    TLS_HANDSHAKE = 22,
    TLS_APPLICATION_DATA = 23,
    CLIENT_HELLO_PADDED = 512, // Browsers pad the handshake message to this.
};

static void add_random(struct buffer *out, size_t length, uint64_t *random) {
    payload_random(out->bytes + out->length, length, random);
    out->length += length;
}

static void add_extension(struct buffer *out, uint16_t type, const void *bytes, size_t length) {
    buffer_number(out, type, 2);
    buffer_number(out, length, 2);
    buffer_bytes(out, bytes, length);
}

static void add_server_name(struct buffer *out, const char *host) {
    size_t length = strlen(host);

    buffer_number(out, 0, 2);
    buffer_number(out, length + 5, 2);
    buffer_number(out, length + 3, 2);
    buffer_number(out, 0, 1);
    buffer_number(out, length, 2);
    buffer_text(out, host);
}

static void add_key_share(struct buffer *out, bool client, uint64_t *random) {
    buffer_number(out, 51, 2);
    size_t extension = buffer_begin(out, 2);
    size_t list = client ? buffer_begin(out, 2) : 0;
    buffer_number(out, 0x001d, 2);
    buffer_number(out, 32, 2);
    add_random(out, 32, random);
    if (client)
        buffer_end(out, list, 2);
    buffer_end(out, extension, 2);
}

static void add_quic_parameters(struct buffer *out, uint64_t *random) {
    static const uint8_t parameters[] = {1, 4,    0x80, 0,    0x75, 0x30, 3, 2,    0x45, 0xc0, 4,
                                         4, 0x80, 0xf0, 0,    0,    5,    4, 0x80, 0x60, 0,    0,
                                         6, 4,    0x80, 0x60, 0,    0,    7, 4,    0x80, 0x60, 0,
                                         0, 8,    2,    0x40, 0x64, 9,    2, 0x40, 0x67, 0x0f, 8};

    buffer_number(out, 57, 2);
    size_t extension = buffer_begin(out, 2);
    buffer_bytes(out, parameters, sizeof parameters);
    add_random(out, 8, random);
    buffer_end(out, extension, 2);
}

static void add_client_extensions(struct buffer *out, const char *host, bool quic, uint64_t *random) {
    static const uint8_t groups[] = {0, 6, 0, 0x1d, 0, 0x17, 0, 0x18};
    static const uint8_t formats[] = {1, 0};
    static const uint8_t alpn_web[] = {0, 12, 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    static const uint8_t alpn_quic[] = {0, 3, 2, 'h', '3'};
    static const uint8_t status[] = {1, 0, 0, 0, 0};
    static const uint8_t algorithms[] = {0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1};
    static const uint8_t modes[] = {1, 1};
    static const uint8_t versions[] = {4, 3, 4, 3, 3};

    add_server_name(out, host);
    add_extension(out, 23, "", 0);
    add_extension(out, 0xff01, "", 1);
    add_extension(out, 10, groups, sizeof groups);
    add_extension(out, 11, formats, sizeof formats);
    add_extension(out, 35, "", 0);
    add_extension(out, 16, quic ? alpn_quic : alpn_web, quic ? sizeof alpn_quic : sizeof alpn_web);
    add_extension(out, 5, status, sizeof status);
    add_extension(out, 13, algorithms, sizeof algorithms);
    add_key_share(out, true, random);
    add_extension(out, 45, modes, sizeof modes);
    add_extension(out, 43, versions, quic ? 3 : sizeof versions);
    if (quic)
        add_quic_parameters(out, random);
}

static void add_padding(struct buffer *out, size_t to_length) {
    if (out->length + 4 >= to_length)
        return;
    size_t length = to_length - out->length - 4;
    buffer_number(out, 21, 2);
    buffer_number(out, length, 2);
    memset(out->bytes + out->length, 0, length);
    out->length += length;
}

// The handshake message, without a record header.
static size_t put_client_hello(uint8_t *to, const char *host, bool quic, uint64_t *random) {
    static const uint8_t suites[] = {0x13, 1,    0x13, 2,    0x13, 3,    0xc0, 0x2b, 0xc0, 0x2f,
                                     0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x13,
                                     0xc0, 0x14, 0,    0x9c, 0,    0x9d, 0,    0x2f, 0,    0x35};
    struct buffer out = {.bytes = to};

    buffer_number(&out, 1, 1);
    size_t message = buffer_begin(&out, 3);
    buffer_number(&out, 0x0303, 2);
    add_random(&out, 32, random);
    buffer_number(&out, quic ? 0 : 32, 1);
    add_random(&out, quic ? 0 : 32, random);
    buffer_number(&out, quic ? 6 : sizeof suites, 2);
    buffer_bytes(&out, suites, quic ? 6 : sizeof suites);
    buffer_number(&out, 0x0100, 2);
    size_t extensions = buffer_begin(&out, 2);
    add_client_extensions(&out, host, quic, random);
    if (!quic)
        add_padding(&out, CLIENT_HELLO_PADDED);
    buffer_end(&out, extensions, 2);
    buffer_end(&out, message, 3);
    return out.length;
}

static size_t begin_record(struct buffer *out, uint8_t type, uint16_t version) {
    buffer_number(out, type, 1);
    buffer_number(out, version, 2);
    return buffer_begin(out, 2);
}

size_t payload_client_hello(uint8_t *to, const char *host, bool quic, uint64_t *random) {
    struct buffer out = {.bytes = to};

    if (quic)
        return put_client_hello(to, host, true, random);
    size_t record = begin_record(&out, TLS_HANDSHAKE, 0x0301);
    out.length += put_client_hello(to + out.length, host, false, random);
    buffer_end(&out, record, 2);
    return out.length;
}

size_t payload_tls_record(uint8_t *to, size_t length, uint64_t *random) {
    struct buffer out = {.bytes = to};

    length = length < 32 ? 32 : length;
    size_t record = begin_record(&out, TLS_APPLICATION_DATA, 0x0303);
    add_random(&out, length - 5, random);
    buffer_end(&out, record, 2);
    return out.length;
}

static void add_der(struct buffer *out, uint8_t tag, const void *bytes, size_t length) {
    buffer_number(out, tag, 1);
    buffer_number(out, length, 1);
    buffer_bytes(out, bytes, length);
}

// One attribute of a distinguished name, as SET { SEQUENCE { OID, UTF8String } }; `kind` is 2.5.4's last number.
static void add_name_attribute(struct buffer *out, uint8_t kind, const char *value) {
    const uint8_t identifier[] = {0x55, 4, kind};
    size_t length = strlen(value);

    buffer_number(out, 0x31, 1);
    buffer_number(out, length + 9, 1);
    buffer_number(out, 0x30, 1);
    buffer_number(out, length + 7, 1);
    add_der(out, 0x06, identifier, sizeof identifier);
    add_der(out, 0x0c, value, length);
}

static size_t begin_der(struct buffer *out, uint8_t tag) {
    buffer_number(out, tag, 1);
    buffer_number(out, 0x82, 1);
    return buffer_begin(out, 2);
}

static void add_certificate_names(struct buffer *out, const char *host) {
    size_t issuer = begin_der(out, 0x30);
    add_name_attribute(out, 6, "US");
    add_name_attribute(out, 10, "Example Trust Services");
    add_name_attribute(out, 3, "Example TLS CA 2026");
    buffer_end(out, issuer, 2);
    size_t validity = begin_der(out, 0x30);
    add_der(out, 0x17, "260101000000Z", 13);
    add_der(out, 0x17, "270101000000Z", 13);
    buffer_end(out, validity, 2);
    size_t subject = begin_der(out, 0x30);
    add_name_attribute(out, 3, host);
    buffer_end(out, subject, 2);
}

static void add_alternative_names(struct buffer *out, const char *host) {
    static const uint8_t identifier[] = {0x55, 0x1d, 0x11};
    char wildcard[80];

    snprintf(wildcard, sizeof wildcard, "*.%s", host);
    size_t extensions = begin_der(out, 0xa3);
    size_t extension = begin_der(out, 0x30);
    add_der(out, 0x06, identifier, sizeof identifier);
    size_t octets = begin_der(out, 0x04);
    size_t names = begin_der(out, 0x30);
    add_der(out, 0x82, host, strlen(host));
    add_der(out, 0x82, wildcard, strlen(wildcard));
    buffer_end(out, names, 2);
    buffer_end(out, octets, 2);
    buffer_end(out, extension, 2);
    buffer_end(out, extensions, 2);
}

static void add_certificate(struct buffer *out, const char *host, uint64_t *random) {
    static const uint8_t version[] = {2, 1, 2};
    static const uint8_t algorithm[] = {0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
    uint8_t serial[16];

    payload_random(serial, sizeof serial, random);
    serial[0] &= 0x7f;
    size_t certificate = begin_der(out, 0x30);
    size_t body = begin_der(out, 0x30);
    add_der(out, 0xa0, version, sizeof version);
    add_der(out, 0x02, serial, sizeof serial);
    buffer_bytes(out, algorithm, sizeof algorithm);
    add_certificate_names(out, host);
    size_t key = begin_der(out, 0x30);
    add_random(out, 91, random);
    buffer_end(out, key, 2);
    add_alternative_names(out, host);
    buffer_end(out, body, 2);
    buffer_bytes(out, algorithm, sizeof algorithm);
    size_t signature = begin_der(out, 0x03);
    add_random(out, 256, random);
    buffer_end(out, signature, 2);
    buffer_end(out, certificate, 2);
}

static void add_server_hello(struct buffer *out, bool tls13, uint64_t *random) {
    static const uint8_t version[] = {3, 4};

    buffer_number(out, 2, 1);
    size_t message = buffer_begin(out, 3);
    buffer_number(out, 0x0303, 2);
    add_random(out, 32, random);
    buffer_number(out, 32, 1);
    add_random(out, 32, random);
    buffer_number(out, tls13 ? 0x1301 : 0xc02b, 2);
    buffer_number(out, 0, 1);
    size_t extensions = buffer_begin(out, 2);
    if (tls13) {
        add_key_share(out, false, random);
        add_extension(out, 43, version, sizeof version);
    } else {
        add_extension(out, 0xff01, "", 1);
        add_extension(out, 23, "", 0);
    }
    buffer_end(out, extensions, 2);
    buffer_end(out, message, 3);
}

size_t payload_server_hello(uint8_t *to, const char *host, bool tls13, uint64_t *random) {
    static const uint8_t change_cipher[] = {20, 3, 3, 0, 1, 1};
    struct buffer out = {.bytes = to};

    size_t record = begin_record(&out, TLS_HANDSHAKE, 0x0303);
    add_server_hello(&out, tls13, random);
    buffer_end(&out, record, 2);
    if (tls13) {
        buffer_bytes(&out, change_cipher, sizeof change_cipher);
        out.length += payload_tls_record(to + out.length, 1100, random);
        return out.length;
    }
    record = begin_record(&out, TLS_HANDSHAKE, 0x0303);
    buffer_number(&out, 11, 1);
    size_t message = buffer_begin(&out, 3);
    size_t list = buffer_begin(&out, 3);
    size_t certificate = buffer_begin(&out, 3);
    add_certificate(&out, host, random);
    buffer_end(&out, certificate, 3);
    buffer_end(&out, list, 3);
    buffer_end(&out, message, 3);
    buffer_number(&out, 14, 1);
    buffer_number(&out, 0, 3);
    buffer_end(&out, record, 2);
    return out.length;
}
