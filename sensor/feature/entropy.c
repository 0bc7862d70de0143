/* How random the bytes of each direction's first payload look: Shannon's entropy of the counts of their values. Encrypted and compressed
 * bytes come near the most that so many can have (7.59 bits for 512 random bytes, not 8), text has 4 to 5. Like the label, a later slice
 * keeps it. */
#include "meter/feature.h"

#include <math.h>

#include "decode/walk/payload.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum {
    ENTROPY_BYTES_MAX = 512,
    ENTROPY_BYTES_MIN = 16, /* of fewer it says nothing */
    ENTROPY_TABLES = 4,     /* equal bytes in a row would wait for each other in one */
    BYTE_VALUES = 256,
};

/* What flow_feature(flow, FEATURE_entropy) points to; by flow_way(). */
struct entropy {
    float bits[FLOW_WAYS];
    uint16_t bytes_plus_1[FLOW_WAYS]; /* 0: no payload yet */
};
_Static_assert(sizeof(struct entropy) == 12, "every open flow costs these bytes");

static size_t entropy_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_entropy) ? sizeof(struct entropy) : 0;
}

static void entropy_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    *(struct entropy *)flow_feature(flow, FEATURE_entropy) = (struct entropy){0};
}

/* c log2 c of the counts that random bytes have: as precise as a double is. */
static const double small_counts[] = {
    0,
    0,
    2,
    4.754887502163468,
    8,
    11.60964047443681,
    15.509775004326936,
    19.651484454403228,
    24,
    28.52932501298081,
    33.219280948873624,
    38.05374780501027,
    43.01955000865387,
    48.105716335834195,
    53.302968908806456,
    58.60335893412778,
    64,
};
enum { SMALL_COUNTS = sizeof small_counts / sizeof *small_counts };

/* Bits per byte: log2 N - sum of c log2 c / N, over the counts c of N bytes. */
static float entropy_of(struct bytes payload) {
    uint16_t counts[ENTROPY_TABLES][BYTE_VALUES] = {0};
    double sum = 0, length = (double)payload.length;
    for (size_t i = 0; i < payload.length; i++)
        counts[i % ENTROPY_TABLES][payload.data[i]]++;
    for (size_t i = 0; i < BYTE_VALUES; i++) {
        int count = counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i];
        sum += count < SMALL_COUNTS ? small_counts[count] : count * log2(count);
    }
    double bits = log2(length) - sum / length;
    return bits > 0 ? (float)bits : 0; /* of equal bytes rounding may leave a little less */
}

static void entropy_on_update(const struct feature_context *context, struct flow *flow,
                              const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    struct entropy *entropy = flow_feature(flow, FEATURE_entropy);
    unsigned way = flow_way(direction);
    if (entropy->bytes_plus_1[way] != 0 || packet->size[ACCOUNT_PAYLOAD] == 0 ||
        packet_is_later_fragment(packet))
        return;
    struct bytes payload = packet_payload(packet);
    if (payload.length > ENTROPY_BYTES_MAX)
        payload.length = ENTROPY_BYTES_MAX;
    entropy->bytes_plus_1[way] = (uint16_t)(payload.length + 1);
    if (payload.length >= ENTROPY_BYTES_MIN)
        entropy->bits[way] = entropy_of(payload);
}

static void entropy_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    (void)context;
    if (next != NULL)
        *(struct entropy *)flow_feature(next, FEATURE_entropy) =
            *(const struct entropy *)flow_feature(flow, FEATURE_entropy);
}

const struct feature feature_entropy = {
    .name = "entropy",
    .state_size = entropy_state_size,
    .on_init = entropy_on_init,
    .on_update = entropy_on_update,
    .on_release = entropy_on_release,
};

void get_payload_entropy(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    const struct entropy *entropy = flow_feature(source->flow, FEATURE_entropy);
    unsigned way = flow_way(direction);
    value_real(value, (double)entropy->bits[way]);
    value->is_null = entropy->bytes_plus_1[way] <= ENTROPY_BYTES_MIN;
}

void get_payload_entropy_bytes(const struct record_source *source, enum flow_direction direction,
                               struct value *value) {
    const struct entropy *entropy = flow_feature(source->flow, FEATURE_entropy);
    unsigned bytes_plus_1 = entropy->bytes_plus_1[flow_way(direction)];
    value_integer(value, (int64_t)bytes_plus_1 - 1);
    value->is_null = bytes_plus_1 == 0;
}
