/* What the monitor is told of an open run. Plain data, borrowed from the run until monitor_close(). Main fills it before
 * monitor_start(), and the HTTP thread reads it from then on. */
#pragma once

#include "app/account/exchange.h"
#include "app/account/health.h"
#include "app/account/reload_account.h"
#include "capture/capture.h"
#include "meter/meter.h"

struct monitored {
    struct health health;
    const char *interface;         /* live; of files "" */
    const struct meter *namer;     /* of applications: meter_protocol_name() */
    const struct capture *capture; /* for what its cards dropped */
    const struct reload_account *reload;
    struct exchange *snapshots; /* where the HTTP thread asks for them */
};
