#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *names; /* "|" stands before and after each */
    uint64_t factor;
};

/* What is measured, and the words for it. */
struct measure {
    const char *object, *units, *smallest, *example;
    const struct unit *table; /* its end has no names */
    bool bare;                /* a number without a unit is of the smallest */
};

static const struct unit size_units[] = {
    {"|b|byte|bytes|", 1},
    {"|kb|", 1000},
    {"|k|ki|kib|", UINT64_C(1) << 10},
    {"|mb|", 1000000},
    {"|m|mi|mib|", UINT64_C(1) << 20},
    {"|gb|", 1000000000},
    {"|g|gi|gib|", UINT64_C(1) << 30},
    {"|tb|", UINT64_C(1000000000000)},
    {"|t|ti|tib|", UINT64_C(1) << 40},
    {NULL, 0},
};

static const struct unit duration_units[] = {
    {"|us|\302\265s|\316\274s|usec|usecs|microsecond|microseconds|", 1},
    {"|ms|msec|msecs|millisecond|milliseconds|", 1000},
    {"|s|sec|secs|second|seconds|", 1000000},
    {"|m|min|mins|minute|minutes|", UINT64_C(60) * 1000000},
    {"|h|hr|hrs|hour|hours|", UINT64_C(3600) * 1000000},
    {"|d|day|days|", UINT64_C(86400) * 1000000},
    {NULL, 0},
};

static const struct measure size_measure = {
    "size", "B, kB, KiB, MB, MiB, GB, GiB", "byte", "64MiB", size_units, true};
static const struct measure duration_measure = {"duration", "us, ms, s, m, h, d", "microsecond",
                                                "5s",       duration_units,       false};

enum { UNIT_LENGTH_MAX = 16, FRACTION_DIGITS_MAX = 6 };

/* Where we are in the text. */
struct scan {
    const struct measure *measure;
    const char *text; /* whole, for messages */
    const char *at;
    bool first; /* of the parts */
    struct error *reason;
};

static int not_of_this_form(const struct scan *scan) {
    return error_set(scan->reason, EINVAL, EX_CONFIG, "\"%s\" is no %s; write it as %s", scan->text,
                     scan->measure->object, scan->measure->example);
}

static int too_large(const struct scan *scan) {
    return error_set(scan->reason, ERANGE, EX_CONFIG, "\"%s\" is too large", scan->text);
}

static int too_fine(const struct scan *scan) {
    return error_set(scan->reason, EINVAL, EX_CONFIG, "\"%s\" is no whole number of %ss; write fewer digits",
                     scan->text, scan->measure->smallest);
}

static void skip_blanks(struct scan *scan) {
    while (*scan->at == ' ' || *scan->at == '\t')
        scan->at++;
}

static int scan_whole(struct scan *scan, uint64_t *number) {
    *number = 0;
    for (; isdigit((unsigned char)*scan->at); scan->at++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(*scan->at - '0'), number))
            return too_large(scan);
    return 0;
}

/* The digits behind a point: `*number` of `*scale` parts of a unit. */
static int read_fraction(struct scan *scan, uint64_t *number, uint64_t *scale) {
    *number = 0;
    *scale = 1;
    if (*scan->at != '.')
        return 0;
    const char *digits = ++scan->at;
    size_t length = strspn(digits, "0123456789");
    scan->at += length;
    if (length == 0)
        return not_of_this_form(scan);
    while (length > 0 && digits[length - 1] == '0')
        length--;
    if (length > FRACTION_DIGITS_MAX)
        return too_fine(scan);
    for (size_t i = 0; i < length; i++) {
        *number = *number * 10 + (uint64_t)(digits[i] - '0');
        *scale *= 10;
    }
    return 0;
}

static bool has_name(const struct unit *unit, const char *name, size_t length) {
    for (const char *at = unit->names + 1; *at; at += strcspn(at, "|") + 1)
        if (strcspn(at, "|") == length && strncasecmp(at, name, length) == 0)
            return true;
    return false;
}

/* A number may lack its unit only if it stands alone and what is measured has a unit for bare numbers. */
static int read_unit(struct scan *scan, bool zero, uint64_t *factor) {
    const char *name = scan->at;
    size_t length = strcspn(name, " \t0123456789.");
    if (*name == '\0' && scan->first && (scan->measure->bare || zero)) {
        *factor = 1;
        return 0;
    }
    if (length == 0 && *name == '\0' && scan->first)
        return error_set(scan->reason, EINVAL, EX_CONFIG, "\"%s\" has no unit; write %ss, or one of %s",
                         scan->text, scan->text, scan->measure->units);
    if (length == 0)
        return not_of_this_form(scan);
    scan->at += length;
    for (const struct unit *unit = scan->measure->table; unit->names; unit++) {
        if (has_name(unit, name, length)) {
            *factor = unit->factor;
            return 0;
        }
    }
    return error_set(scan->reason, EINVAL, EX_CONFIG,
                     "\"%s\": \"%.*s\" is no unit of a %s; write it as %s, with one of %s", scan->text,
                     (int)(length > UNIT_LENGTH_MAX ? UNIT_LENGTH_MAX : length), name, scan->measure->object,
                     scan->measure->example, scan->measure->units);
}

/* One number with its unit, added to `*sum`. */
static int read_part(struct scan *scan, uint64_t *sum) {
    uint64_t whole = 0, part = 0, scale = 1, factor = 1;
    if (!isdigit((unsigned char)*scan->at))
        return not_of_this_form(scan);
    int result = scan_whole(scan, &whole);
    if (result == 0)
        result = read_fraction(scan, &part, &scale);
    if (result < 0)
        return result;
    skip_blanks(scan);
    result = read_unit(scan, whole == 0 && part == 0, &factor);
    if (result < 0)
        return result;
    if (part * factor % scale != 0)
        return too_fine(scan);
    if (__builtin_mul_overflow(whole, factor, &whole) ||
        __builtin_add_overflow(whole, part * factor / scale, &whole) ||
        __builtin_add_overflow(*sum, whole, sum))
        return too_large(scan);
    skip_blanks(scan);
    scan->first = false;
    return 0;
}

static int parse_measure(const char *text, const struct measure *measure, uint64_t *value,
                         struct error *reason) {
    struct scan scan = {measure, text, text, true, reason};
    uint64_t sum = 0;
    int result;
    skip_blanks(&scan);
    if (*scan.at == '-' && isdigit((unsigned char)scan.at[1]))
        return error_set(reason, EINVAL, EX_CONFIG, "\"%s\" is negative, which no %s is", text,
                         measure->object);
    do
        result = read_part(&scan, &sum);
    while (result == 0 && *scan.at);
    if (result == 0)
        *value = sum;
    return result;
}

int units_parse_size(const char *text, uint64_t *bytes, struct error *reason) {
    return parse_measure(text, &size_measure, bytes, reason);
}

int units_parse_duration(const char *text, int64_t *microseconds, struct error *reason) {
    uint64_t value = 0;
    int result = parse_measure(text, &duration_measure, &value, reason);
    if (result == 0 && value > INT64_MAX)
        return error_set(reason, ERANGE, EX_CONFIG, "\"%s\" is too large", text);
    if (result == 0)
        *microseconds = (int64_t)value;
    return result;
}

void units_print_duration(int64_t microseconds, char text[UNITS_TEXT_SIZE]) {
    static const struct {
        int64_t microseconds;
        const char *unit;
    } units[] = {{1000000, "s"}, {1000, "ms"}, {1, "us"}};
    size_t i = 0;
    while (microseconds % units[i].microseconds != 0)
        i++;
    snprintf(text, UNITS_TEXT_SIZE, "%" PRId64 "%s", microseconds / units[i].microseconds, units[i].unit);
}

void units_print_size(int64_t bytes, char text[UNITS_TEXT_SIZE]) {
    static const char *const units[] = {"", "KiB", "MiB", "GiB"};
    size_t i = 0;
    while (i < 3 && bytes > 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        i++;
    }
    snprintf(text, UNITS_TEXT_SIZE, "%" PRId64 "%s", bytes, units[i]);
}

void units_print_about(uint64_t bytes, char text[UNITS_TEXT_SIZE]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t i = 0;
    for (; value >= 1024 && i + 1 < sizeof units / sizeof *units; i++)
        value /= 1024;
    snprintf(text, UNITS_TEXT_SIZE, i == 0 || value >= 100 ? "%.0f %s" : "%.3g %s", value, units[i]);
}
