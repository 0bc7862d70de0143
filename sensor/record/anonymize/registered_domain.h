/* How much of a server's name says whose service it is, and no more: its registered domain, by the list of public
 * suffixes that libpsl was built with. Constant data: any thread; nothing is allocated. */
#pragma once

#include <stddef.h>

/* SHA-1 of the list (hex); NULL if there is none. */
const char *public_suffix_list_id(void);

/* "libpsl 0.21.2". */
const char *public_suffix_library_version(void);

/* Where the part begins that may be kept of a NUL-terminated name in lower case; `length` if there is none. That is the
 * domain that somebody registered at a registry (example.co.uk: the list's ICANN part; blogs and dynamic names below
 * it belong to persons), a public suffix alone, and of names below arpa, which are addresses and telephone numbers, only
 * the suffix (in-addr.arpa). Of IP literals, single words, and names under a suffix that no registry has (.local) it
 * is nothing. */
size_t registered_domain(const char *name, size_t length);
