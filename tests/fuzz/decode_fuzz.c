/* Fuzzes the decoder: one input is a link type (first byte), whether tunnels are decoded (second byte's low bit) and which
 * identifiers of theirs count (the bit above), and frames, each behind two bytes of length. Both dialects see each frame, in memory of exactly its size. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"

/* All that are decoded, and one that is not. */
static const int link_types[] = {0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 127, 228, 229, 276, 147};

static void require(bool condition) {
    if (!condition)
        abort();
}

/* Reads what the packet claims to have, so that the sanitizer sees a claim that is wrong. */
static void use(const struct frame *frame, const struct packet *packet) {
    unsigned sum = 0;
    require(packet->ip >= frame->bytes && packet->ip_captured > 0);
    require((size_t)(packet->ip - frame->bytes) + packet->ip_captured <= frame->captured_length);
    for (uint32_t i = 0; i < packet->ip_captured; i++)
        sum += packet->ip[i];
    require(sum <= 255u * packet->ip_captured);
}

static void decode(struct decoder *decoder, const struct frame *frame) {
    struct packet packet;
    int64_t before = decoder_time(decoder);
    enum decode_reason reason = decoder_decode(decoder, frame, &packet);
    require((unsigned)reason < DECODE_REASON_COUNT);
    if (reason != DECODE_METERED) {
        require(decoder_time(decoder) == before);
        return;
    }
    use(frame, &packet);
    require(packet.time >= before && packet.time == decoder_time(decoder));
    require(packet.ip_version == packet.ip[0] >> 4);
    require(packet.size[ACCOUNT_PAYLOAD] <= packet.size[ACCOUNT_TRANSPORT]);
    require(packet.size[ACCOUNT_TRANSPORT] <= packet.size[ACCOUNT_IP]);
    require(packet.tunnel <= TUNNEL_ERSPAN && packet.tunnel_path >> 56 == 0);
    require(packet.tunnel != TUNNEL_NONE || packet.tunnel_path == 0);
    require((packet.flags & PACKET_HAS_TUNNEL_KEY) != 0 || packet.tunnel_key == 0);
}

static void decode_both(struct decoder *const *decoders, const uint8_t *bytes, size_t length, int link_type) {
    uint8_t *copy = malloc(length);
    struct frame frame = {
        .bytes = copy,
        .captured_length = (uint32_t)length,
        .wire_length = (uint32_t)length,
        .seconds = length > 0 ? bytes[length - 1] : 0,
        .microseconds = 999999,
        .link_type = link_type,
    };
    if (copy == NULL)
        return;
    memcpy(copy, bytes, length);
    decode(decoders[0], &frame);
    decode(decoders[1], &frame);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    int link_type = link_types[data[0] % (sizeof link_types / sizeof *link_types)];
    struct decode_options options = {.decode_tunnels = data[1] & 1, .symmetric_tunnel_keys = data[1] & 2};
    struct decoder *decoders[2];
    for (int i = 0; i < 2; i++) {
        options.dialect = i == 0 ? DECODE_NATIVE : DECODE_NFSTREAM;
        decoders[i] = decoder_create(&options);
        require(decoders[i] != NULL);
    }
    for (size_t offset = 2; offset + 2 <= size;) {
        size_t length = (size_t)(data[offset] << 8 | data[offset + 1]);
        offset += 2;
        if (length > size - offset)
            length = size - offset;
        decode_both(decoders, data + offset, length, link_type);
        offset += length;
    }
    decoder_destroy(decoders[0]);
    decoder_destroy(decoders[1]);
    return 0;
}
