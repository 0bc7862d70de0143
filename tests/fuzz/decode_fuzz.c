/* Fuzzes the decoder: one input is a link type (first byte), whether tunnels are decoded (second byte's low bit) and
 * which identifiers of theirs count (the bit above), the size of segments (the bits above that), and frames, each behind two
 * bytes of length and one that says how many more there were on the wire. Both dialects see each frame, in memory of exactly
 * its size. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"

/* All that are decoded, and one that is not. */
static const int link_types[] = {0,   1,   9,   12,  14,  50,  51,  101, 104, 105, 107, 108, 113, 117,
                                 119, 127, 163, 192, 228, 229, 239, 258, 276, 204, 205, 206, 147};

static void require(bool condition) {
    if (!condition)
        abort();
}

/* Reads what the packet claims to have, so that the sanitizer sees a claim that is wrong: bytes of the frame, unless it
 * was held. */
static void use(const struct frame *frame, const struct packet *packet) {
    unsigned sum = 0;
    require(packet->ip_captured > 0);
    if (packet->held_for == 0 && packet->ip >= frame->bytes &&
        packet->ip < frame->bytes + frame->captured_length)
        require((size_t)(packet->ip - frame->bytes) + packet->ip_captured <= frame->captured_length);
    for (uint32_t i = 0; i < packet->ip_captured; i++)
        sum += packet->ip[i];
    require(sum <= 255u * packet->ip_captured);
}

static void judge(const struct decoder *decoder, const struct frame *frame, enum decode_reason reason,
                  const struct packet *packet, int64_t before) {
    require((unsigned)reason <= DECODE_HELD);
    if (reason != DECODE_METERED)
        return;
    use(frame, packet);
    require(packet->time + packet->held_for >= before);
    require(packet->time + packet->held_for == decoder_time(decoder));
    require(packet->ip_version == packet->ip[0] >> 4);
    require(packet->size[ACCOUNT_PAYLOAD] <= packet->size[ACCOUNT_TRANSPORT]);
    require(packet->size[ACCOUNT_TRANSPORT] <= packet->size[ACCOUNT_IP]);
    require(packet->tunnel <= TUNNEL_KIND_LAST && packet->tunnel_path >> 56 == 0);
    require(packet->tunnel != TUNNEL_NONE || packet->tunnel_path == 0);
    require((packet->flags & PACKET_HAS_TUNNEL_KEY) != 0 || packet->tunnel_key == 0);
}

/* Every packet is metered, ignored or held. */
struct account {
    struct decoder *decoder;
    uint64_t read, decided, segments;
};

/* A frame without a size of segments is not cut; one that was cut gave as many packets as were counted, and none without
 * payload. */
static void judge_segments(struct account *account, const struct frame *frame, uint64_t read) {
    const struct segment_counts *counts = decoder_segments(account->decoder);
    uint64_t cut = counts->segments - account->segments;
    account->segments = counts->segments;
    require(cut <= read && cut <= SEGMENTS_MAX);
    require(cut == 0 || (frame->segment_size >= SEGMENT_SIZE_MIN &&
                         (cut - 1) * frame->segment_size < frame->wire_length));
}

static void decode(struct account *account, const struct frame *frame) {
    struct decoder *decoder = account->decoder;
    struct packet packet;
    int64_t before = decoder_time(decoder);
    enum decode_reason reason = decoder_decode(decoder, frame, &packet);
    bool metered = false, is_first = true;
    uint64_t read = account->read;
    for (; is_first || decoder_has_rest(decoder); is_first = false) {
        if (!is_first)
            reason = decoder_decode_rest(decoder, frame, &packet);
        account->read++;
        account->decided += reason != DECODE_HELD;
        judge(decoder, frame, reason, &packet, before);
        metered |= reason == DECODE_METERED;
        while (decoder_next(decoder, &reason, &packet)) {
            require(reason != DECODE_HELD);
            account->decided++;
            judge(decoder, frame, reason, &packet, before);
            metered |= reason == DECODE_METERED;
        }
    }
    require(metered || decoder_time(decoder) == before);
    judge_segments(account, frame, account->read - read);
    require(account->read == account->decided + decoder_held(decoder));
}

static void give_up(struct account *account) {
    struct packet packet;
    enum decode_reason reason;
    decoder_give_up(account->decoder);
    while (decoder_next(account->decoder, &reason, &packet)) {
        require(reason == DECODE_fragment_unknown);
        account->decided++;
    }
    require(account->read == account->decided);
}

/* `hidden` bytes more were on the wire. Options as the input's second byte has them: of six bits for segments the lowest says
 * whether they are of UDP; from the others come no size, and sizes on both sides of the smallest that is cut. */
static void decode_both(struct account *accounts, const uint8_t *bytes, size_t length, uint32_t hidden,
                        int link_type, uint8_t options) {
    uint8_t *copy = malloc(length);
    struct frame frame = {
        .bytes = copy,
        .captured_length = (uint32_t)length,
        .wire_length = (uint32_t)length + hidden,
        .seconds = length > 0 ? bytes[length - 1] : 0,
        .microseconds = 999999,
        .link_type = link_type,
        .segment_size = (uint16_t)((options >> 3) * 3),
        .segment_udp = (options & 4) != 0,
    };
    if (copy == NULL)
        return;
    memcpy(copy, bytes, length);
    decode(&accounts[0], &frame);
    decode(&accounts[1], &frame);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    int link_type = link_types[data[0] % (sizeof link_types / sizeof *link_types)];
    struct tunnel_ports ports;
    require(tunnel_ports_set(&ports, (const char *const[]){"fou=5555"}, 1, NULL) == 0);
    struct decode_options options = {.decode_tunnels = data[1] & 1,
                                     .tunnel_keys = data[1] & 2 ? TUNNEL_KEYS_SYMMETRIC : TUNNEL_KEYS_ALL,
                                     .tunnel_ports = &ports};
    struct account accounts[2] = {0};
    for (int i = 0; i < 2; i++) {
        options.dialect = i == 0 ? DECODE_NATIVE : DECODE_NFSTREAM;
        accounts[i].decoder = decoder_create(&options);
        require(accounts[i].decoder != NULL);
    }
    for (size_t offset = 2; offset + 3 <= size;) {
        size_t length = (size_t)(data[offset] << 8 | data[offset + 1]);
        uint32_t hidden = data[offset + 2];
        offset += 3;
        if (length > size - offset)
            length = size - offset;
        decode_both(accounts, data + offset, length, hidden, link_type, data[1]);
        offset += length;
    }
    for (int i = 0; i < 2; i++) {
        give_up(&accounts[i]);
        decoder_destroy(accounts[i].decoder);
    }
    return 0;
}
