/* Addresses of servers that get to know a secret. Nothing here is shared: the caller's thread. */
#pragma once

#include "base/error.h"

/* EX_CONFIG: this is no address by http or https, or has a user in it; `remedy` says where that one goes instead. */
int login_check_url(const char *option, const char *url, const char *remedy, struct error *error);

/* The same, and https unless the server is on this machine: a secret goes there. */
int login_check_secret_url(const char *option, const char *url, const char *remedy, struct error *error);
