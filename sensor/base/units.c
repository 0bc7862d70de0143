#include "base/units.h"

#include <errno.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit sizes[] = {
    {"B", 1},
    {"kB", 1000},
    {"KiB", UINT64_C(1) << 10},
    {"MB", 1000000},
    {"MiB", UINT64_C(1) << 20},
    {"GB", 1000000000},
    {"GiB", UINT64_C(1) << 30},
    {NULL, 0},
};

static const struct unit durations[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"m", UINT64_C(60) * 1000000},
    {"h", UINT64_C(3600) * 1000000},
    {"d", UINT64_C(86400) * 1000000},
    {NULL, 0},
};

/* Digits, then the rest of the text. No sign, no space, no fraction: what a person may not see is refused. */
static int parse_number(const char *text, uint64_t *number, const char **rest) {
    uint64_t value = 0;
    const char *digit = text;
    for (; *digit >= '0' && *digit <= '9'; digit++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*digit - '0'), &value))
            return -ERANGE;
    if (digit == text)
        return -EINVAL;
    *number = value;
    *rest = digit;
    return 0;
}

static int apply_unit(const struct unit *units, const char *name, uint64_t *number) {
    for (const struct unit *unit = units; unit->name != NULL; unit++)
        if (strcmp(unit->name, name) == 0)
            return __builtin_mul_overflow(*number, unit->factor, number) ? -ERANGE : 0;
    return -EINVAL;
}

int units_parse_size(const char *text, uint64_t *bytes) {
    uint64_t number = 0;
    const char *unit = NULL;
    int result = parse_number(text, &number, &unit);
    if (result == 0 && *unit != '\0')
        result = apply_unit(sizes, unit, &number);
    if (result == 0)
        *bytes = number;
    return result;
}

int units_parse_duration(const char *text, int64_t *microseconds) {
    uint64_t number = 0;
    const char *unit = NULL;
    int result = parse_number(text, &number, &unit);
    if (result < 0)
        return result;
    if (*unit == '\0')
        result = number == 0 ? 0 : -EINVAL;
    else
        result = apply_unit(durations, unit, &number);
    if (result == 0 && number > INT64_MAX)
        result = -ERANGE;
    if (result == 0)
        *microseconds = (int64_t)number;
    return result;
}
