/* Packets that nDPI knows, built by hand, and meters that show it them. */
#pragma once

#include "meter/meter_fixture.h"

enum {
    IDLE_US = 1000000,
    ACTIVE_US = 2000000,
    IP_HEADER = 20,
    UDP_HEADER = 8,
    TCP_HEADER = 20,
    FRAME_MAX = 600
};

static inline struct meter_options options_with(enum meter_profile profile, uint32_t n_dissections) {
    int64_t unit = 1000 / fixture_millisecond(profile);
    return (struct meter_options){
        .profile = profile,
        .idle_timeout = IDLE_US / unit,
        .active_timeout = ACTIVE_US / unit,
        .n_dissections = n_dissections,
        .flow_table_size = 1024,
    };
}

static inline void put_u16(uint8_t *bytes, size_t value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

/* Feeds a real IPv4 packet with this transport payload; the bytes are freed after the call, as a frame's may be. */
static inline void feed_bytes(struct fixture *fixture, struct packet packet, const uint8_t *payload,
                              size_t length) {
    size_t header = packet.protocol == TCP ? TCP_HEADER : UDP_HEADER;
    size_t total = IP_HEADER + header + length;
    uint8_t *ip = calloc(1, total);
    assert_non_null(ip);
    ip[0] = 0x45;
    put_u16(ip + 2, total);
    ip[8] = 64;
    ip[9] = packet.protocol;
    memcpy(ip + 12, packet.source, 4);
    memcpy(ip + 16, packet.destination, 4);
    put_u16(ip + IP_HEADER, packet.source_port);
    put_u16(ip + IP_HEADER + 2, packet.destination_port);
    if (packet.protocol == TCP) {
        ip[IP_HEADER + 12] = TCP_HEADER / 4 << 4;
        ip[IP_HEADER + 13] = packet.tcp_flags;
    } else {
        put_u16(ip + IP_HEADER + 4, header + length);
    }
    if (length > 0)
        memcpy(ip + IP_HEADER + header, payload, length);
    packet.ip = ip;
    packet.ip_captured = (uint32_t)total;
    meter_packet(fixture->meter, &packet);
    free(ip);
}

/* A query for the A record of www.example.org. */
static const uint8_t dns_query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07"
                                   "example\x03org\x00\x00\x01\x00\x01";
enum { DNS_QUERY = sizeof(dns_query) - 1 };

static const uint8_t client_hello_tail[] =
    "\xc0\x2f\xc0\x30"                                    /* two cipher suites: 49199, 49200 */
    "\x01\x00"                                            /* compression: none */
    "\x00\x26"                                            /* 38 bytes of extensions */
    "\x00\x00\x00\x14\x00\x12\x00\x00\x0ftls.example.org" /* server_name */
    "\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17"            /* supported_groups: 29, 23 */
    "\x00\x0b\x00\x02\x01\x00";                           /* ec_point_formats: 0 */

/* Writes a TLS 1.2 ClientHello and returns its length. */
static inline size_t client_hello(uint8_t *bytes) {
    size_t tail = sizeof(client_hello_tail) - 1;
    size_t body = 2 + 32 + 1 + 2 + tail;
    memset(bytes, 0, 9 + 2 + 32);
    memcpy(bytes, "\x16\x03\x01", 3);
    put_u16(bytes + 3, body + 4);
    bytes[5] = 1;
    put_u16(bytes + 7, body);
    put_u16(bytes + 9, 0x0303);
    for (uint8_t i = 0; i < 32; i++)
        bytes[11 + i] = (uint8_t)(i * 37 + 1);
    bytes[43] = 0;
    put_u16(bytes + 44, 4);
    memcpy(bytes + 46, client_hello_tail, tail);
    return 46 + tail;
}

static inline void feed_dns(struct fixture *fixture, int64_t time) {
    feed_bytes(fixture, made_packet(time, 1, 5353 + 1, 2, 53, UDP), dns_query, DNS_QUERY);
}

/* Handshake and ClientHello. */
static inline void feed_tls(struct fixture *fixture, int64_t time) {
    struct packet there = made_packet(time, 1, 40000, 2, 443, TCP),
                  back = made_packet(time, 2, 443, 1, 40000, TCP);
    there.tcp_flags = TCP_SYN;
    feed_bytes(fixture, there, NULL, 0);
    back.tcp_flags = TCP_SYN | TCP_ACK;
    feed_bytes(fixture, back, NULL, 0);
    uint8_t hello[FRAME_MAX];
    there.tcp_flags = TCP_PSH | TCP_ACK;
    feed_bytes(fixture, there, hello, client_hello(hello));
}
