/* Numbers as text, without locale, allocation or printf: text encodings write a hundred of them per record. Nothing here is
 * shared: the caller's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { INTEGER_TEXT_MAX = 20, DOUBLE_TEXT_MAX = 32 };

/* Decimal digits with a leading '-' if negative. Returns the end of the text; no NUL is written. */
char *integer_format(int64_t integer, char text[INTEGER_TEXT_MAX]);

/* The shortest decimal that reads back as the same double; of several, the nearest. The form is that of Python's repr(),
 * which JSON also accepts: "0.0", "94.5", "1e+16", "1e-05". Infinities and NaN become "inf", "-inf", "nan". Returns the end
 * of the text; no NUL is written. */
char *double_format(double real, char text[DOUBLE_TEXT_MAX]);
