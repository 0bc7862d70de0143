/* flowsensor topics check|create: the topics that the Kafka outputs write to. */
#pragma once

#include "app/command/command_line.h"
#include "app/config/config.h"
#include "base/error.h"

/* One line for each topic: what it is, and what differs from the options of the group topics. Every output is looked at;
 * each failure is logged, and *error is the first one, its text empty. EX_CONFIG, EX_NOPERM, EX_UNAVAILABLE as in
 * sink/kafka/kafka_admin.h. */
int topics_command(enum command command, const struct config *config, struct error *error);
