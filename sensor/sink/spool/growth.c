#include <math.h>

#include "sink/spool/spool_parts.h"

static const int64_t interval = 5000000, minute = 60000000;

void growth_sample(struct growth *growth, int64_t now, uint64_t bytes) {
    size_t last = (growth->next + GROWTH_SAMPLES - 1) % GROWTH_SAMPLES;
    if (growth->samples[last].time != 0 && now - growth->samples[last].time < interval)
        return;
    growth->samples[growth->next].time = now;
    growth->samples[growth->next].bytes = bytes;
    growth->next = (growth->next + 1) % GROWTH_SAMPLES;
}

double growth_until_full(const struct growth *growth, int64_t now, uint64_t bytes, uint64_t size) {
    if (growth->last_loss != 0 && now - growth->last_loss < minute)
        return 0;
    for (size_t i = 0; i < GROWTH_SAMPLES; i++) { /* the oldest one of the minute */
        size_t index = (growth->next + i) % GROWTH_SAMPLES;
        int64_t age = now - growth->samples[index].time;
        uint64_t before = growth->samples[index].bytes;
        if (growth->samples[index].time == 0 || age > minute + interval || age < interval)
            continue;
        if (bytes <= before || bytes >= size)
            return bytes < size ? INFINITY : 0;
        return (double)(size - bytes) / (double)(bytes - before) * (double)age / 1e6;
    }
    return INFINITY;
}
