/* The registry client as the configuration describes it. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"
#include "record/registry/registry.h"

/* Borrows the configuration's texts. */
struct registry_options registry_options_of(const struct config *config);

/* *registry stays NULL if no registry is configured. */
int registry_open_configured(const struct config *config, struct registry **registry, struct error *error);
