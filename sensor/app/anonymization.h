/* What the process does about pseudonyms beside making them: their key, and that nothing in clear leaves otherwise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/config/config.h"
#include "app/output.h"
#include "app/plan.h"
#include "base/error.h"
#include "record/anonymize/anonymize_key.h"

/* Reads anonymization.key_file, or makes a random key where none is given. EX_NOINPUT, EX_NOPERM or EX_CONFIG with one
 * line. The caller wipes the key (anonymize_key_wipe()). */
int anonymization_load_key(const struct config *config, struct anonymize_key *key, struct error *error);

/* Once an output anonymizes, memory with packets in clear must not become a core dump, nor be read by another process
 * of the same user. */
int anonymization_prepare(const struct plan *plan, struct error *error);

/* Who joins two runs whose key was random finds nothing, and sees no error: said before. */
void anonymization_warn_of_random_key(const struct plan *plan);

/* Whether there is a key file that pseudonyms are made with. */
bool anonymization_can_reload(const struct plan *plan);

/* Gives every output the key that the file has now; if it can't be read, the old one stays. Either is logged. Whether all
 * have the new one. */
bool anonymization_reload(const struct plan *plan, struct output *outputs, size_t count);
