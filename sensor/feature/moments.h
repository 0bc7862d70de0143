/* Sums of the powers of numbers' differences from their mean, M_j = sum (x - mean)^j, made in one pass: with each number they
 * are moved to the new mean (Welford 1962; Terriberry 2007; Pebay, SAND2008-6212). The mean itself is the caller's. */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct moments {
    double m2, m3, m4;
};

/* `value` is the `count`th number, `before` the mean of those before it. Returns the new mean. */
static inline double moments_add(struct moments *moments, double before, double value, uint64_t count) {
    double n = (double)(int64_t)count;
    double difference = value - before, step = difference / n, square = step * step;
    double term = difference * step * (n - 1);
    moments->m4 += term * square * (n * n - 3 * n + 3) + 6 * square * moments->m2 - 4 * step * moments->m3;
    moments->m3 += term * step * (n - 2) - 3 * step * moments->m2;
    moments->m2 += term;
    return before + step;
}

/* Numbers whose moments are known, and how many they are. */
struct moments_part {
    struct moments moments;
    double mean, count;
};

/* The moments of both parts' numbers together. */
static inline struct moments moments_merge(const struct moments_part *a, const struct moments_part *b) {
    double n = a->count + b->count;
    if (n == 0)
        return (struct moments){0};
    double d = b->mean - a->mean, d2 = d * d;
    double product = a->count * b->count / n, share_a = a->count / n, share_b = b->count / n;
    const struct moments *of_a = &a->moments, *of_b = &b->moments;
    return (struct moments){
        .m2 = of_a->m2 + of_b->m2 + d2 * product,
        .m3 = of_a->m3 + of_b->m3 + d2 * d * product * (share_a - share_b) +
              3 * d * (share_a * of_b->m2 - share_b * of_a->m2),
        .m4 = of_a->m4 + of_b->m4 +
              d2 * d2 * product * (share_a * share_a - share_a * share_b + share_b * share_b) +
              6 * d2 * (share_a * share_a * of_b->m2 + share_b * share_b * of_a->m2) +
              4 * d * (share_a * of_b->m3 - share_b * of_a->m3),
    };
}

/* Sample standard deviation; 0 of fewer than two. */
static inline double moments_stddev(const struct moments *moments, uint64_t count) {
    return count > 1 ? sqrt(moments->m2 / (double)(count - 1)) : 0.0;
}

/* Whether the numbers differ. Those that don't have neither skewness nor kurtosis. */
static inline bool moments_have_shape(const struct moments *moments) {
    return moments->m2 > 0;
}

static inline double moments_skewness(const struct moments *moments, uint64_t count) {
    return sqrt((double)count) * moments->m3 / (moments->m2 * sqrt(moments->m2));
}

/* 3 of a normal distribution. */
static inline double moments_kurtosis(const struct moments *moments, uint64_t count) {
    return (double)count * moments->m4 / (moments->m2 * moments->m2);
}
