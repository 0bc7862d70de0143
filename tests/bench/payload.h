// First messages of real protocols, as programs send them; each is well formed, so that dissection has its usual work.
// Every function writes at most PAYLOAD_MAXIMUM bytes (frame.h) and returns how many; names are zero-terminated.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A host name of a realistic population: a few popular services, many rare ones. `name` has 64 bytes.
void payload_host_name(char *name, uint64_t *random);

// A TLS 1.3 ClientHello record of 517 bytes and more, as browsers send it. quic: the bare handshake message with
// QUIC's transport parameters.
size_t payload_client_hello(uint8_t *to, const char *host, bool quic, uint64_t *random);
// The server's first flight: TLS 1.3 (ServerHello, then encrypted records) or TLS 1.2 (ServerHello, Certificate).
size_t payload_server_hello(uint8_t *to, const char *host, bool tls13, uint64_t *random);
// One record of encrypted application data.
size_t payload_tls_record(uint8_t *to, size_t length, uint64_t *random);

size_t payload_http_request(uint8_t *to, const char *host, uint64_t *random);
size_t payload_http_response(uint8_t *to, size_t length, uint64_t *random);
size_t payload_dns(uint8_t *to, const char *host, bool response, uint16_t id, bool ipv6);
size_t payload_ntp(uint8_t *to, bool response, uint64_t *random);
size_t payload_ssh(uint8_t *to, unsigned message, bool server, uint64_t *random);

// A protected client Initial packet (RFC 9001) that carries a ClientHello; 0 if libgcrypt fails.
size_t payload_quic_initial(uint8_t *to, const char *host, uint64_t *random);
// A packet with a short header and random content.
size_t payload_quic_short(uint8_t *to, size_t length, uint64_t *random);

size_t payload_random(uint8_t *to, size_t length, uint64_t *random);
