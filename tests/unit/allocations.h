/* Counts the allocations of the whole test program, for tests that assert there are none. Include it once. */
#pragma once

#include <stddef.h>

static size_t allocations;

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
                                              void (*free_hook)(const volatile void *));

static void on_malloc(const volatile void *memory, size_t size) {
    (void)memory;
    (void)size;
    allocations++;
}

static void on_free(const volatile void *memory) {
    (void)memory;
}

static void count_allocations(void) {
    assert_true(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0);
}
#else
/* glibc's own, under the names that the whole program calls. */
void *__libc_malloc(size_t size);                /* NOLINT(cert-dcl37-c): glibc's name */
void *__libc_calloc(size_t count, size_t size);  /* NOLINT(cert-dcl37-c) */
void *__libc_realloc(void *memory, size_t size); /* NOLINT(cert-dcl37-c) */

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    allocations++;
    return __libc_realloc(memory, size);
}

static void count_allocations(void) {
}
#endif
