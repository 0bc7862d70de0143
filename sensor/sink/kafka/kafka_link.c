#include "sink/kafka/kafka_link.h"

#include <inttypes.h>

#include "base/log.h"

enum {
    SECOND = 1000000,
    PATIENCE_SECONDS = 4,
    GRACE_SECONDS = 3, /* a connection that was idle is closed, and opened again */
    QUIET_SECONDS = 60,
};

void kafka_link_init(struct kafka_link *link, const char *output, const char *topic, int64_t linger) {
    *link = (struct kafka_link){
        .output = output,
        .topic = topic,
        .patience = INT64_C(1) * PATIENCE_SECONDS * SECOND + linger,
    };
}

void kafka_link_lost(struct kafka_link *link, int64_t now) {
    if (link->lost == 0)
        link->lost = now;
}

void kafka_link_connected(struct kafka_link *link) {
    link->lost = 0;
}

/* librdkafka doesn't report a broker that is connected but takes nothing. Then the oldest record stays the same. */
static bool is_stuck(struct kafka_link *link, const struct kafka_sight *sight) {
    int64_t now = sight->now, oldest = sight->oldest_age > 0 ? now - sight->oldest_age : 0;
    if (oldest != link->oldest || sight->acknowledged != link->acknowledged) {
        link->oldest = oldest;
        link->acknowledged = sight->acknowledged;
        link->moved = now;
    }
    return sight->oldest_age > link->patience && now - link->moved > link->patience;
}

static void say_waiting(struct kafka_link *link, const struct kafka_sight *sight, bool lost) {
    const char *reason = sight->reason;
    double seconds = (double)(sight->now - link->waiting) / SECOND;
    if (lost)
        log_line(LOG_WARNING,
                 "output \"%s\": topic %s: the broker has been away for %.1f s: %s; %" PRIu64
                 " records wait, and are sent when it is back",
                 link->output, link->topic, seconds, *reason ? reason : "no connection", sight->waiting);
    else
        log_line(LOG_WARNING,
                 "output \"%s\": topic %s: the broker acknowledges nothing for %.1f s%s%s; %" PRIu64
                 " records wait",
                 link->output, link->topic, seconds, *reason ? ", last error: " : "", reason, sight->waiting);
    link->said = true;
    link->quiet = sight->now + INT64_C(1) * QUIET_SECONDS * SECOND;
}

static void say_flowing(struct kafka_link *link, const struct kafka_sight *sight) {
    log_line(LOG_INFO, "output \"%s\": topic %s: the broker is back after %.1f s; %" PRIu64 " records waited",
             link->output, link->topic, (double)(sight->now - link->waiting) / SECOND, link->waited);
    link->said = false;
}

void kafka_link_look(struct kafka_link *link, const struct kafka_sight *sight) {
    int64_t now = sight->now;
    bool stuck = is_stuck(link, sight);
    bool lost = link->lost != 0 && now - link->lost >= INT64_C(1) * GRACE_SECONDS * SECOND;
    if ((lost || stuck) && link->waiting == 0)
        link->waiting = lost ? link->lost : link->oldest;
    if ((lost || stuck) && !link->said && now >= link->quiet)
        say_waiting(link, sight, lost);
    if (lost || stuck) {
        link->waited = sight->waiting;
        return;
    }
    if (link->said)
        say_flowing(link, sight);
    if (link->waiting != 0)
        link->flowing = now;
    link->waiting = 0;
}
