/* Finds the part of a server's name that says whose service it is, and no more: its registered domain, by the list of
 * public suffixes that libpsl was built with. Constant data: any thread may call these. Nothing is allocated. */
#pragma once

#include <stddef.h>

/* SHA-1 of the list (hex); NULL if there is none. */
const char *public_suffix_list_id(void);

/* "libpsl 0.21.2". */
const char *public_suffix_library_version(void);

/* The start of the part that may be kept of a name; `length` if none may be. The name is in lower case and NUL-terminated.
 *
 * Kept is the domain that was registered at a registry (example.co.uk). Only the list's ICANN part counts: blogs and
 * dynamic names below such a domain belong to persons. A name that is a public suffix is kept whole. Names below arpa are
 * addresses and telephone numbers: of these only the suffix (in-addr.arpa) is kept. Nothing is kept of IP literals, single
 * words, and names under a suffix that no registry has (.local). */
size_t registered_domain(const char *name, size_t length);
