/* Checks for programmers' errors: where one is seen, the program logs the place and ends with SIGABRT (a core dump, where
 * the system takes them) instead of failing later, elsewhere. No input, no configuration and no lack of memory may trip a
 * check: those have errors (base/error.h) and counters. Any thread.
 *
 * CHECK() is in every build, for calls that are rare: create, start, destroy. DEBUG_CHECK() is for the path of packets
 * and records: debug, sanitized and fuzz builds have it (FLOWSENSOR_CHECKS); in others it is compiled but never
 * evaluated, so it costs nothing.
 *
 * Magic numbers: a structure behind an opaque pointer begins with `uint32_t magic`, a random number of its own type,
 * which is set at create and cleared at destroy. A function that is given the pointer checks IS_VALID(): what was never
 * made, is already destroyed or has another type is seen at the door. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Logs the place and the condition, and aborts. */
_Noreturn void check_failed(const char *condition, const char *file, int line, const char *function)
    __attribute__((cold));

#ifdef __FILE_NAME__
#define CHECK_FILE __FILE_NAME__ /* without the folder, which is the build machine's */
#else
#define CHECK_FILE __FILE__
#endif

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, CHECK_FILE, __LINE__, __func__))

#ifdef FLOWSENSOR_CHECKS
#define DEBUG_CHECK(condition) CHECK(condition)
#else
#define DEBUG_CHECK(condition) ((void)sizeof(!(condition)))
#endif

#define IS_VALID(object, number) ((object) != NULL && (object)->magic == (number))

/* Before an object is freed. An assignment there would be optimized away. */
#define MAGIC_CLEAR(object) explicit_bzero(&(object)->magic, sizeof((object)->magic))
