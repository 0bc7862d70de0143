/* Who this sensor is: the constant part of every record's identity. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"
#include "record/field/record_source.h"

/* Sets sensor_id, boot_id and the key of flow_uid. EX_NOINPUT or EX_CONFIG if the key file is missing or malformed. */
int identity_make(const struct config *config, struct identity *identity, struct error *error);
