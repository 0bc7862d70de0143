#include "meter/feature.h"

const struct feature *const feature_table[FEATURE_COUNT] = {
#define FEATURE(name) [FEATURE_##name] = &feature_##name,
#include "meter/features.def"
#undef FEATURE
};
