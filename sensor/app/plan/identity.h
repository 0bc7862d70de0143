/* Who this sensor is: the constant part of every record's identity. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"
#include "record/field/record_source.h"

/* Sets sensor_id, boot_id, and the keys of flow_uid and conn_key. EX_NOINPUT, EX_NOPERM or EX_CONFIG if a key file is missing,
 * may not be read, is malformed, or (conn_key's) is not private. */
int identity_make(const struct config *config, struct identity *identity, struct error *error);
