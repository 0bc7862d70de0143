/* The key of pseudonyms: from anonymization.key_file, or a random one. */
#pragma once

#include <stdint.h>

#include "app/config/config.h"
#include "base/error.h"
#include "record/anonymize/anonymize_key.h"

/* Reads anonymization.key_file, or makes a random key where none is given. `wait`: microseconds for the writer of a pipe,
 * as in config/key_file.h. EX_NOINPUT, EX_NOPERM or EX_CONFIG with one line. The caller wipes the key
 * (anonymize_key_wipe()).
 * @thread main, reload: nothing is shared */
int anonymization_load_key(const struct config *config, int64_t wait, struct anonymize_key *key,
                           struct error *error);
