#include "record/field/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char DIGIT_PAIRS[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* Writes the digits backwards, ending before `end`; returns where they begin. */
static char *digits_before(uint64_t number, char *end) {
    while (number >= 100) {
        end -= 2;
        memcpy(end, DIGIT_PAIRS + 2 * (number % 100), 2);
        number /= 100;
    }
    if (number < 10) {
        *--end = (char)('0' + number);
        return end;
    }
    end -= 2;
    memcpy(end, DIGIT_PAIRS + 2 * number, 2);
    return end;
}

char *integer_format(int64_t integer, char text[INTEGER_TEXT_MAX]) {
    uint64_t magnitude = (uint64_t)integer;
    if (integer < 0) {
        *text++ = '-';
        magnitude = 0 - magnitude;
    }
    if (magnitude < 10) {
        *text = (char)('0' + magnitude);
        return text + 1;
    }
    char room[INTEGER_TEXT_MAX];
    char *begin = digits_before(magnitude, room + sizeof room);
    size_t length = (size_t)(room + sizeof room - begin);
    memcpy(text, begin, length);
    return text + length;
}

/* digits * 10^exponent, digits without trailing zeros. */
struct decimal {
    uint64_t digits;
    int exponent;
};

static const uint64_t POWERS_OF_TEN[] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1075, SHIFT_MAX = 62 };

__extension__ typedef unsigned __int128 wide; /* no struct: an integer of 128 bits has no ISO name */

static struct decimal without_trailing_zeros(uint64_t digits, int exponent) {
    while (digits % 100 == 0) {
        digits /= 100;
        exponent += 2;
    }
    if (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    return (struct decimal){digits, exponent};
}

/* Shortest decimal of mantissa / 2^shift, with 2^52 <= mantissa < 2^53 and 0 <= shift <= SHIFT_MAX, by exact integer
 * arithmetic.
 *
 * Call "middle" the number halfway between this double and a neighbouring double. All reals between the two middles read
 * back as this double. The number of decimal places is chosen so that this interval, scaled by 10^places, is 1 to 10 wide.
 * Then it holds an integer, and at most one multiple of ten. If there is a multiple of ten, it is the shortest decimal.
 * Otherwise the integer nearest to the value is.
 *
 * Two corner cases need no code. First, a scaled middle is never a whole number: it has shift + 1 binary places, and the
 * scale removes only `places` of them. Second, a power of two has a narrower interval below it, but with these shifts such
 * a double is a multiple of ten itself. */
static struct decimal shortest_decimal(uint64_t mantissa, int shift) {
    /* 1233 / 4096 approximates log10(2) closely enough for these shifts: places = ceil(shift * log10(2)). */
    int places = shift == 0 ? 0 : (shift * 1233 >> 12) + 1;
    wide scale = POWERS_OF_TEN[places];
    /* Numbers are in units of 2^-unit, so that the middles are whole numbers; they have at most 53 + 64 + 1 bits. */
    int unit = shift + 1;
    wide value = (wide)mantissa * 2 * scale;
    uint64_t highest = (uint64_t)((value + scale) >> unit);
    uint64_t lowest = (uint64_t)((value - scale) >> unit) + 1;

    uint64_t tens = highest / 10 * 10;
    if (tens >= lowest)
        return without_trailing_zeros(tens, -places);
    uint64_t nearest = (uint64_t)(value >> unit);
    wide rest = value & (((wide)1 << unit) - 1), half = (wide)1 << (unit - 1);
    if (rest > half || (rest == half && nearest % 2 == 1))
        nearest++;
    return (struct decimal){nearest, -places};
}

/* The same for any positive finite double, by trying numbers of digits. Such doubles are rare in records. */
static struct decimal shortest_decimal_slowly(double real) {
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, real);
        if (strtod(text, NULL) == real)
            break;
    }
    uint64_t digits = 0;
    int places = 0;
    const char *at = text;
    bool behind_point = false;
    for (; *at != 'e'; at++) {
        if (*at < '0' || *at > '9') {
            behind_point = true;
            continue;
        }
        digits = digits * 10 + (uint64_t)(*at - '0');
        places += behind_point;
    }
    return without_trailing_zeros(digits, (int)strtol(at + 1, NULL, 10) - places);
}

static struct decimal decimal_of(double real) {
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    int shift = EXPONENT_BIAS - (int)(bits >> MANTISSA_BITS);
    if (shift < 0 || shift > SHIFT_MAX)
        return shortest_decimal_slowly(real);
    uint64_t mantissa = (bits & ((UINT64_C(1) << MANTISSA_BITS) - 1)) | UINT64_C(1) << MANTISSA_BITS;
    return shortest_decimal(mantissa, shift);
}

static char *put_digits(char *out, const char *bytes, size_t count) {
    memcpy(out, bytes, count);
    return out + count;
}

/* d.ddde+XX */
static char *put_scientific(char *out, const char *digits, int count, int point) {
    *out++ = digits[0];
    if (count > 1) {
        *out++ = '.';
        out = put_digits(out, digits + 1, (size_t)(count - 1));
    }
    int exponent = point - 1;
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    exponent = abs(exponent);
    if (exponent < 10)
        *out++ = '0';
    return integer_format(exponent, out);
}

/* `point` digits stand before the decimal point (none if it isn't positive). */
static char *put_positional(char *out, const char *digits, int count, int point) {
    if (point <= 0) {
        out = put_digits(out, "0.", 2);
        for (int i = point; i < 0; i++)
            *out++ = '0';
        return put_digits(out, digits, (size_t)count);
    }
    if (count > point) {
        out = put_digits(out, digits, (size_t)point);
        *out++ = '.';
        return put_digits(out, digits + point, (size_t)(count - point));
    }
    out = put_digits(out, digits, (size_t)count);
    for (int i = count; i < point; i++)
        *out++ = '0';
    return put_digits(out, ".0", 2);
}

char *double_format(double real, char text[DOUBLE_TEXT_MAX]) {
    if (isnan(real))
        return put_digits(text, "nan", 3);
    char *out = text;
    if (signbit(real)) {
        *out++ = '-';
        real = -real;
    }
    if (isinf(real))
        return put_digits(out, "inf", 3);
    /* Whole numbers need no search. Many means are whole. */
    if (real < 9007199254740992.0 && real == floor(real))
        return put_digits(integer_format((int64_t)real, out), ".0", 2);

    struct decimal decimal = decimal_of(real);
    char room[INTEGER_TEXT_MAX];
    char *digits = digits_before(decimal.digits, room + sizeof room);
    int count = (int)(room + sizeof room - digits);
    int point = count + decimal.exponent;
    if (point > 16 || point < -3)
        return put_scientific(out, digits, count, point);
    return put_positional(out, digits, count, point);
}
