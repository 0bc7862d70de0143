#include "app/command/sample_flow.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "decode/walk/link_types.h"
#include "meter/meter.h"

enum {
    ETHERNET_SIZE = 14,
    IP_SIZE = 20,
    TCP_SIZE = 20,
    HEADERS_SIZE = ETHERNET_SIZE + IP_SIZE + TCP_SIZE,
    FRAME_SIZE_MAX = 512,
    FLOW_TABLE_SIZE = 1024, /* the least */
    STEP_MICROSECONDS = 1000,
};

/* A TLS ClientHello for flowsensor.example, so that there is something to label. */
static const uint8_t client_hello[] = {
    0x16, 0x03, 0x01, 0x00, 0x56, 0x01, 0x00, 0x00, 0x52, 0x03, 0x03, 0x00, 0x01, 0x02, 0x03, 0x04,
    0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14,
    0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x00, 0x00, 0x04, 0x13, 0x01,
    0xc0, 0x2f, 0x01, 0x00, 0x00, 0x25, 0x00, 0x00, 0x00, 0x17, 0x00, 0x15, 0x00, 0x00, 0x12, 0x66,
    0x6c, 0x6f, 0x77, 0x73, 0x65, 0x6e, 0x73, 0x6f, 0x72, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c,
    0x65, 0x00, 0x0a, 0x00, 0x06, 0x00, 0x04, 0x00, 0x1d, 0x00, 0x17,
};

/* Both ends are of the blocks for documentation (RFC 7042, RFC 5737). */
struct sample_end {
    uint8_t mac[6], address[4];
    uint16_t port;
};
static const struct sample_end client = {{0x00, 0x00, 0x5e, 0x00, 0x53, 0x01}, {192, 0, 2, 1}, 40000};
static const struct sample_end server = {{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}, {198, 51, 100, 1}, 443};

struct segment {
    const struct sample_end *from, *to;
    uint32_t sequence, acknowledged;
    uint8_t flags;
    bool has_hello;
};
static const struct segment segments[] = {
    {&client, &server, 100, 0, TCP_SYN, false},
    {&server, &client, 900, 101, TCP_SYN | TCP_ACK, false},
    {&client, &server, 101, 901, TCP_ACK, false},
    {&client, &server, 101, 901, TCP_PSH | TCP_ACK, true},
    {&server, &client, 901, 101 + sizeof client_hello, TCP_ACK, false},
};

static uint8_t *put_bytes(uint8_t *to, const void *bytes, size_t count) {
    memcpy(to, bytes, count);
    return to + count;
}

static uint8_t *put_number(uint8_t *to, uint32_t number, int bytes) {
    for (int i = bytes - 1; i >= 0; i--)
        *to++ = (uint8_t)(number >> (8 * i));
    return to;
}

static uint32_t ones_complement_sum(const uint8_t *bytes, size_t count) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* Writes the segment's frame; returns its length. */
static size_t make_frame(const struct segment *segment, uint8_t frame[FRAME_SIZE_MAX]) {
    size_t payload = segment->has_hello ? sizeof client_hello : 0;
    uint8_t *at = put_bytes(frame, segment->to->mac, 6);
    at = put_bytes(at, segment->from->mac, 6);
    at = put_number(at, 0x0800, 2);
    uint8_t *ip = at;
    at = put_number(at, 0x4500, 2);
    at = put_number(at, (uint32_t)(IP_SIZE + TCP_SIZE + payload), 2);
    at = put_number(at, 0x00004000, 4); /* don't fragment */
    at = put_number(at, 64u << 24 | 6u << 16, 4);
    at = put_bytes(at, segment->from->address, 4);
    at = put_bytes(at, segment->to->address, 4);
    put_number(ip + 10, ones_complement_sum(ip, IP_SIZE), 2);
    at = put_number(at, segment->from->port, 2);
    at = put_number(at, segment->to->port, 2);
    at = put_number(at, segment->sequence, 4);
    at = put_number(at, segment->acknowledged, 4);
    at = put_number(at, 0x5000u | segment->flags, 2);
    at = put_number(at, 8192, 2);
    at = put_number(at, 0, 4);
    if (payload > 0)
        put_bytes(at, client_hello, payload);
    return HEADERS_SIZE + payload;
}

static void meter_segments(struct decoder *decoder, struct meter *meter) {
    uint8_t bytes[FRAME_SIZE_MAX];
    size_t count = sizeof segments / sizeof *segments;
    int64_t start = clock_realtime() - (int64_t)count * STEP_MICROSECONDS;
    for (size_t i = 0; i < count; i++) {
        int64_t time = start + (int64_t)i * STEP_MICROSECONDS;
        size_t length = make_frame(&segments[i], bytes);
        struct packet packet;
        const struct frame frame = {
            .bytes = bytes,
            .captured_length = (uint32_t)length,
            .wire_length = (uint32_t)length,
            .seconds = time / 1000000,
            .microseconds = (int32_t)(time % 1000000),
            .link_type = LINK_ETHERNET,
        };
        if (decoder_decode(decoder, &frame, &packet) == DECODE_METERED)
            meter_packet(meter, &packet);
    }
}

int sample_flow_meter(const struct plan *plan, meter_export_call *export_flow, void *context,
                      struct error *error) {
    struct meter *meter = NULL;
    struct meter_options options = plan->meter;
    options.flow_table_size = FLOW_TABLE_SIZE;
    options.preallocate = false;
    options.publish = (struct publish_options){0}; /* one record of the flow */
    options.system_visibility = false;
    options.visibility = NULL;
    struct decoder *decoder = decoder_create(&plan->decode);
    int result = decoder ? meter_create(&options, export_flow, context, &meter, error)
                         : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0) {
        meter_segments(decoder, meter);
        meter_finish(meter, END_OF_INPUT);
        meter_destroy(meter);
    }
    decoder_destroy(decoder);
    return result;
}
