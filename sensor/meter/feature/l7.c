#include "meter/l7.h"

#include <string.h>

#include "meter/dissect.h"
#include "meter/feature.h"
#include "meter/options.h"

static size_t l7_state_size(const struct meter_options *options) {
    return options->n_dissections > 0 ? sizeof(struct l7) : 0;
}

static void l7_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow->feature[FEATURE_l7], 0, sizeof(struct l7));
}

static void l7_on_update(const struct feature_context *context, struct flow *flow,
                         const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)direction;
    (void)size;
    struct l7 *l7 = flow->feature[FEATURE_l7];
    if (l7->application_name == NULL)
        dissector_packet(context->dissector, l7, packet, flow->counters[BIDIRECTIONAL].packets + 1);
}

static void l7_on_expire(const struct feature_context *context, struct flow *flow) {
    dissector_decide(context->dissector, flow->feature[FEATURE_l7]);
}

/* The next slice keeps the label, except one that nDPI had to settle on before it had seen enough packets. */
static void l7_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    struct l7 *l7 = flow->feature[FEATURE_l7];
    bool known = l7->application != 0 && !l7->guessed;
    bool dissected =
        flow->slice > 0 || flow->counters[BIDIRECTIONAL].packets >= context->options->n_dissections;
    if (next != NULL && (known || dissected))
        *(struct l7 *)next->feature[FEATURE_l7] = *l7;
    else
        dissector_release(context->dissector, l7);
}

const struct feature feature_l7 = {
    .name = "l7",
    .state_size = l7_state_size,
    .on_init = l7_on_init,
    .on_update = l7_on_update,
    .on_expire = l7_on_expire,
    .on_release = l7_on_release,
};
