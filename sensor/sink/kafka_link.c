#include "sink/kafka_link.h"

#include <inttypes.h>

#include "base/log.h"

enum {
    SECOND = 1000000,
    PATIENCE_SECONDS = 10,
    GRACE_SECONDS = 5, /* a connection that was idle is closed, and opened again */
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
static bool is_stuck(struct kafka_link *link, int64_t now, int64_t oldest_age) {
    int64_t oldest = oldest_age > 0 ? now - oldest_age : 0;
    if (oldest != link->oldest) {
        link->oldest = oldest;
        link->moved = now;
    }
    return oldest_age > link->patience && now - link->moved > link->patience;
}

static void say_waiting(struct kafka_link *link, int64_t now, bool lost, uint64_t in_flight,
                        const char *reason) {
    double seconds = (double)(now - link->waiting) / SECOND;
    if (lost)
        log_line(LOG_WARNING,
                 "output \"%s\": topic %s: the broker has been away for %.1f s: %s; %" PRIu64
                 " records wait, and are sent when it is back",
                 link->output, link->topic, seconds, *reason ? reason : "no connection", in_flight);
    else
        log_line(LOG_WARNING,
                 "output \"%s\": topic %s: the broker acknowledges nothing for %.1f s%s%s; %" PRIu64
                 " records wait",
                 link->output, link->topic, seconds, *reason ? ", last error: " : "", reason, in_flight);
    link->said = true;
    link->quiet = now + INT64_C(1) * QUIET_SECONDS * SECOND;
}

static void say_flowing(struct kafka_link *link, int64_t now) {
    log_line(LOG_INFO, "output \"%s\": topic %s: the broker is back after %.1f s", link->output, link->topic,
             (double)(now - link->waiting) / SECOND);
    link->said = false;
}

void kafka_link_look(struct kafka_link *link, int64_t now, int64_t oldest_age, uint64_t in_flight,
                     const char *reason) {
    bool stuck = is_stuck(link, now, oldest_age);
    bool lost = link->lost != 0 && now - link->lost >= INT64_C(1) * GRACE_SECONDS * SECOND;
    if ((lost || stuck) && link->waiting == 0)
        link->waiting = lost ? link->lost : link->oldest;
    if ((lost || stuck) && !link->said && now >= link->quiet)
        say_waiting(link, now, lost, in_flight, reason);
    if (lost || stuck)
        return;
    if (link->said)
        say_flowing(link, now);
    link->waiting = 0;
}
