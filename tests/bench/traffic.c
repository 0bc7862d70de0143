#include "traffic.h"

#include <math.h>
#include <netinet/in.h>
#include <string.h>

#include "payload.h"
#include "random.h"

enum {
    TCP_OPENING = 8, // Handshake, request, answer: packets before the bulk data.
    TCP_CLOSING = 3,
    QUIC_DATAGRAM = 1250, // What implementations send where they don't probe for more.
    FLOWS_PER_CLIENT = 64,
    FIRST_CLIENT_PORT = 32768,
    LONGEST_PAUSE_US = 60 * 1000 * 1000,
};

// What one packet of a flow is.
struct step {
    size_t payload_length;
    uint8_t tcp_flags;
    bool is_reply;
};

struct kind_traits {
    uint8_t protocol;
    uint16_t server_port; // 0: a high one, by flow.
    uint32_t shortest;    // Packets, of the Pareto law.
    uint32_t longest;
};

static const struct kind_traits kinds[TRAFFIC_KINDS] = {
    [TRAFFIC_DNS] = {IPPROTO_UDP, 53, 2, 2},          [TRAFFIC_NTP] = {IPPROTO_UDP, 123, 2, 2},
    [TRAFFIC_PING] = {IPPROTO_ICMP, 0, 2, 40},        [TRAFFIC_SCAN] = {IPPROTO_TCP, 0, 1, 2},
    [TRAFFIC_TLS] = {IPPROTO_TCP, 443, 12, 50000},    [TRAFFIC_HTTP] = {IPPROTO_TCP, 80, 10, 20000},
    [TRAFFIC_QUIC] = {IPPROTO_UDP, 443, 6, 50000},    [TRAFFIC_SSH] = {IPPROTO_TCP, 22, 20, 5000},
    [TRAFFIC_OPAQUE_TCP] = {IPPROTO_TCP, 0, 8, 5000}, [TRAFFIC_OPAQUE_UDP] = {IPPROTO_UDP, 0, 2, 5000},
};

static enum traffic_kind choose_kind(const struct traffic_scenario *scenario, uint32_t index,
                                     uint64_t *random) {
    uint32_t total = 0;
    uint32_t kind = 0;

    for (size_t i = 0; i < TRAFFIC_KINDS; i++)
        total += scenario->shares[i];
    // With few flows chance would decide what the capture is made of; equal steps keep to the shares.
    uint32_t drawn = scenario->flows < 1000 ? (index * 2 + 1) * total / (scenario->flows * 2)
                                            : random_below(random, total);
    while (drawn >= scenario->shares[kind])
        drawn -= scenario->shares[kind++];
    return (enum traffic_kind)kind;
}

static uint32_t choose_length(const struct traffic_scenario *scenario, enum traffic_kind kind, double stretch,
                              uint64_t *random) {
    const double shape = 1.15;
    double shortest = kinds[kind].shortest;
    double longest = kinds[kind].longest;
    double unit = random_unit(random);

    if (!scenario->has_heavy_tail)
        return scenario->packets_per_flow;
    double tail = 1 - unit * (1 - pow(shortest / longest, shape));
    double length = shortest * pow(tail, -1 / shape);
    if (longest > 100)
        length = shortest + (length - shortest) * stretch;
    return (uint32_t)length;
}

static uint64_t seed_of(uint32_t index) {
    uint64_t seed = 0x666c6f77 + (uint64_t)index * 0x2545f4914f6cdd1d;

    return random_next(&seed);
}

uint32_t traffic_flow_length(const struct traffic_scenario *scenario, uint32_t index, double stretch) {
    uint64_t random = seed_of(index);
    enum traffic_kind kind = choose_kind(scenario, index, &random);

    return choose_length(scenario, kind, stretch, &random);
}

static void set_address(struct endpoint *endpoint, bool is_ipv6, bool is_client, uint32_t number) {
    static const uint8_t prefix6[] = {0x20, 1, 0, 2};
    uint8_t *tail = endpoint->address;

    // Networks that RFC 2544, RFC 5180 and RFC 1918 keep for this.
    if (is_ipv6) {
        memcpy(endpoint->address, prefix6, sizeof prefix6);
        endpoint->address[7] = is_client;
        tail = endpoint->address + 12;
    } else if (is_client) {
        tail[0] = 10;
    } else {
        tail[0] = 198;
        number |= 18U << 16;
    }
    tail[1] = (uint8_t)(number >> 16);
    tail[2] = (uint8_t)(number >> 8);
    tail[3] = (uint8_t)number;
}

static void set_endpoints(struct flow *flow, uint32_t index, uint32_t count) {
    static const uint8_t gateway[] = {0x02, 0, 0x5e, 0, 0, 1};
    uint32_t clients = 1;
    uint32_t server = random_below(&flow->random, 20000);

    while (clients * FLOWS_PER_CLIENT < count)
        clients *= 2;
    // An odd factor permutes the residues, so that (client, port) is met once only.
    uint32_t client = index * 0x9e3779b1 & (clients - 1);
    uint32_t round = index / clients;
    if (flow->kind == TRAFFIC_PING)
        server = 0xff00 + round; // Without ports the pair of addresses must be met once only.
    else if (flow->kind == TRAFFIC_DNS)
        server = 53;
    set_address(&flow->client, flow->is_ipv6, true, client + 2);
    set_address(&flow->server, flow->is_ipv6, false, server);
    memcpy(flow->server.mac, gateway, sizeof gateway);
    memcpy(flow->client.mac,
           (uint8_t[]){2, 0, 0, (uint8_t)(client >> 16), (uint8_t)(client >> 8), (uint8_t)client}, 6);
    flow->client.port = (uint16_t)(FIRST_CLIENT_PORT + round * 131 % 28000);
    flow->server.port = kinds[flow->kind].server_port;
    if (flow->server.port == 0)
        flow->server.port = (uint16_t)(20000 + random_below(&flow->random, 12000));
}

void traffic_flow_start(struct flow *flow, const struct traffic_scenario *scenario, uint32_t index,
                        uint32_t count, double stretch) {
    *flow = (struct flow){.scenario = scenario, .random = seed_of(index)};
    flow->kind = choose_kind(scenario, index, &flow->random);
    flow->packets = choose_length(scenario, flow->kind, stretch, &flow->random);
    flow->is_ipv6 = random_below(&flow->random, 100) < scenario->ipv6_percent;
    flow->is_tls13 = random_below(&flow->random, 100) < 70;
    flow->round_trip_us = 4000 + random_below(&flow->random, 90000);
    flow->client_sequence = (uint32_t)random_next(&flow->random);
    flow->server_sequence = (uint32_t)random_next(&flow->random);
    flow->identifier = (uint16_t)random_next(&flow->random);
    payload_host_name(flow->host, &flow->random);
    set_endpoints(flow, index, count);
}

static size_t largest_payload(const struct flow *flow) {
    size_t headers =
        14 + (flow->is_ipv6 ? 40U : 20U) + (kinds[flow->kind].protocol == IPPROTO_TCP ? 32U : 8U);

    return FRAME_MAXIMUM - headers;
}

static size_t bulk_length(struct flow *flow) {
    size_t largest = flow->kind == TRAFFIC_QUIC ? QUIC_DATAGRAM : largest_payload(flow);
    // A record or an answer ends in a packet that isn't full; in a long download that is rare.
    uint32_t partial_percent = flow->scenario->has_heavy_tail ? 30 : 8;

    if (random_below(&flow->random, 100) >= partial_percent)
        return largest;
    return 40 + random_below(&flow->random, (uint32_t)largest - 40);
}

// The first message of each side, then the client's second.
static size_t opening_message(struct flow *flow, uint8_t *payload) {
    uint64_t *random = &flow->random;
    bool server = flow->sent == 5;

    switch (flow->kind) {
    case TRAFFIC_TLS:
        return flow->sent == 3 ? payload_client_hello(payload, flow->host, false, random)
               : server        ? payload_server_hello(payload, flow->host, flow->is_tls13, random)
                               : payload_tls_record(payload, 80 + random_below(random, 500), random);
    case TRAFFIC_HTTP:
        return flow->sent == 3 ? payload_http_request(payload, flow->host, random)
               : server        ? payload_http_response(payload, bulk_length(flow), random)
                               : 0;
    case TRAFFIC_SSH: return payload_ssh(payload, flow->sent == 7, server, random);
    default: return payload_random(payload, 50 + random_below(random, 900), random);
    }
}

static size_t bulk_message(struct flow *flow, uint8_t *payload, bool is_reply) {
    size_t length = is_reply ? bulk_length(flow) : 60 + random_below(&flow->random, 400);

    if (flow->kind == TRAFFIC_TLS && random_below(&flow->random, 4) == 0)
        return payload_tls_record(payload, length, &flow->random);
    if (flow->kind == TRAFFIC_HTTP && !is_reply)
        return payload_http_request(payload, flow->host, &flow->random);
    return payload_random(payload, length, &flow->random);
}

static struct step tcp_step(struct flow *flow, uint8_t *payload) {
    static const struct step handshake[] = {
        {0, TCP_SYN, false}, {0, TCP_SYN | TCP_ACK, true}, {0, TCP_ACK, false}};
    static const struct step closing[] = {
        {0, TCP_ACK, false}, {0, TCP_FIN | TCP_ACK, true}, {0, TCP_FIN | TCP_ACK, false}};
    uint32_t left = flow->packets - flow->sent;
    uint32_t acked_run = flow->scenario->ack_every + 1U;
    struct step step = {.tcp_flags = TCP_ACK};

    if (flow->kind == TRAFFIC_SCAN && flow->sent == 1)
        return (struct step){0, TCP_RST | TCP_ACK, true};
    if (flow->sent < 3)
        return handshake[flow->sent];
    if (left <= TCP_CLOSING && flow->packets > TCP_OPENING + TCP_CLOSING)
        return closing[left - 1];
    if (flow->sent < TCP_OPENING) {
        step.is_reply = flow->sent == 4 || flow->sent == 5;
        if (flow->sent % 2 != 0)
            step.payload_length = opening_message(flow, payload);
    } else if (flow->scenario->ack_every == 0 || flow->sent % acked_run != 0) {
        step.is_reply = flow->scenario->ack_every == 0 || random_below(&flow->random, 100) < 85;
        step.payload_length = bulk_message(flow, payload, step.is_reply);
    }
    if (step.payload_length > 0)
        step.tcp_flags |= TCP_PSH;
    return step;
}

static size_t quic_message(struct flow *flow, uint8_t *payload, bool is_reply) {
    uint64_t *random = &flow->random;

    if (flow->sent == 0)
        return payload_quic_initial(payload, flow->host, random);
    return payload_quic_short(payload, is_reply ? bulk_length(flow) : 40 + random_below(random, 80), random);
}

static struct step udp_step(struct flow *flow, uint8_t *payload) {
    uint64_t *random = &flow->random;
    struct step step = {.is_reply = flow->sent % 2 != 0};

    if (flow->sent >= 4)
        step.is_reply = flow->scenario->ack_every == 0 || random_below(random, 100) < 75;
    switch (flow->kind) {
    case TRAFFIC_DNS:
        step.payload_length =
            payload_dns(payload, flow->host, step.is_reply, flow->identifier, flow->is_ipv6);
        break;
    case TRAFFIC_NTP: step.payload_length = payload_ntp(payload, step.is_reply, random); break;
    case TRAFFIC_PING: step.payload_length = payload_random(payload, 56, random); break;
    case TRAFFIC_QUIC: step.payload_length = quic_message(flow, payload, step.is_reply); break;
    default:
        step.payload_length = payload_random(
            payload, flow->sent < 4 ? 20 + random_below(random, 400) : bulk_length(flow), random);
    }
    return step;
}

static uint64_t next_gap_us(struct flow *flow) {
    bool is_tcp = kinds[flow->kind].protocol == IPPROTO_TCP;
    double unit = -log(1 - random_unit(&flow->random));

    if (flow->kind == TRAFFIC_PING)
        return flow->sent % 2 ? flow->round_trip_us : 1000000;
    if (flow->sent < (is_tcp ? TCP_OPENING : 4))
        return flow->round_trip_us / 2 + random_below(&flow->random, 300);
    // A long flow pauses about as often as a short one, or it would last for hours.
    double pauses = flow->packets > 1300 ? 40.0 / flow->packets : 0.03;
    if (flow->scenario->has_heavy_tail && random_unit(&flow->random) < pauses) {
        double pause = unit * 2e6;
        return pause > LONGEST_PAUSE_US ? LONGEST_PAUSE_US : (uint64_t)pause;
    }
    return 10 + (uint64_t)(unit * flow->scenario->pace_us);
}

static void count_sequence(struct flow *flow, const struct step *step) {
    uint32_t moved = (uint32_t)step->payload_length + ((step->tcp_flags & (TCP_SYN | TCP_FIN)) != 0);

    if (step->is_reply)
        flow->server_sequence += moved;
    else
        flow->client_sequence += moved;
}

size_t traffic_flow_next(struct flow *flow, uint8_t *frame) {
    uint8_t payload[FRAME_MAXIMUM];
    uint8_t protocol = kinds[flow->kind].protocol;
    struct step step = protocol == IPPROTO_TCP ? tcp_step(flow, payload) : udp_step(flow, payload);
    uint32_t other_sequence = step.is_reply ? flow->client_sequence : flow->server_sequence;
    uint32_t acknowledged = step.tcp_flags & TCP_ACK ? other_sequence : 0;
    struct frame_spec spec = {
        .source = step.is_reply ? &flow->server : &flow->client,
        .destination = step.is_reply ? &flow->client : &flow->server,
        .payload = payload,
        .payload_length = step.payload_length,
        .tcp_sequence = step.is_reply ? flow->server_sequence : flow->client_sequence,
        .tcp_acknowledged = acknowledged,
        .tcp_clock_ms = (uint32_t)(flow->time_us / 1000),
        .icmp_sequence = (uint16_t)(flow->sent / 2 + 1),
        .icmp_identifier = flow->identifier,
        .ip_identification = (uint16_t)(flow->identifier + flow->sent),
        .protocol = protocol,
        .tcp_flags = step.tcp_flags,
        .is_ipv6 = flow->is_ipv6,
        .is_reply = step.is_reply,
    };

    size_t length = frame_build(frame, &spec);
    count_sequence(flow, &step);
    flow->sent++;
    flow->time_us += next_gap_us(flow);
    return length;
}
