#include "meter/feature/feature.h"

const struct feature *const feature_table[FEATURE_COUNT] = {
#define FEATURE(name) [FEATURE_##name] = &feature_##name,
#include "meter/feature/features.def"
#undef FEATURE
};
