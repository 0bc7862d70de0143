/* The files of a registry's TLS, judged before a connection needs them. */
#pragma once

#include "base/error.h"
#include "record/registry/registry.h"

/* That the certificates and the key are there, are PEM, and belong together. EX_CONFIG with the option's name. */
int registry_check_files(const struct registry_options *options, struct error *error);
