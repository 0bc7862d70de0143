/* Checks the files of a registry's TLS before a connection needs them. */
#pragma once

#include "base/error.h"
#include "record/registry/registry.h"

/* Whether the certificates and the key exist, are PEM, and belong together. EX_CONFIG with the option's name. */
int registry_check_files(const struct registry_options *options, struct error *error);
