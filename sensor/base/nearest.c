#include "base/nearest.h"

#include <stdbool.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 63 }; /* longer names are not compared: the quadratic work stays small */

static size_t least_of_three(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static unsigned char to_lower(char letter) {
    return (unsigned char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

/* Levenshtein's distance with two neighbours swapped as one edit (the commonest slip of all), letter case
 * ignored. Three rows of the matrix are kept: the one being filled and the two above it. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[3][NAME_MAX_LENGTH + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned char left = to_lower(a[i - 1]), right = to_lower(b[j - 1]);
            row[j] = least_of_three(row[j - 1] + 1, above[j] + 1, above[j - 1] + (left != right));
            bool swapped = i > 1 && j > 1 && left == to_lower(b[j - 2]) && right == to_lower(a[i - 2]);
            if (swapped && above_that[j - 2] + 1 < row[j])
                row[j] = above_that[j - 2] + 1;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *nearest_name(const char *given, const char *const *names, size_t count, size_t stride) {
    size_t given_length = strlen(given);
    const char *nearest = NULL;
    size_t nearest_distance = 0;
    if (given_length > NAME_MAX_LENGTH)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)(const void *)((const char *)names + i * stride);
        size_t length = strlen(name);
        if (length > NAME_MAX_LENGTH)
            continue;
        size_t longer = length > given_length ? length : given_length;
        size_t distance = edit_distance(given, given_length, name, length);
        if (distance * 3 > longer || (nearest != NULL && distance >= nearest_distance))
            continue;
        nearest = name;
        nearest_distance = distance;
    }
    return nearest;
}
