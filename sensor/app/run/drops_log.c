#include "app/run/drops_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"

enum {
    SECOND = 1000000,
    MINUTE_SECONDS = 60,
    REASON_MAX = 48, /* ", spool_damaged 18446744073709551615" */
};

/* "spool_full 12, too_large 3": what is new. */
struct news {
    char text[REASON_MAX * (OUTPUT_DROP_COUNT + SINK_DROP_COUNT)];
    size_t length;
    uint64_t count;
};

static void add_news(struct news *news, const char *reason, uint64_t count, uint64_t *told) {
    uint64_t fresh = count - *told;
    *told = count;
    if (fresh == 0)
        return;
    news->length += (size_t)snprintf(news->text + news->length, REASON_MAX, "%s%s %" PRIu64,
                                     news->count > 0 ? ", " : "", reason, fresh);
    news->count += fresh;
}

void drops_log_look(struct drops_log *log, const char *output, const uint64_t dropped[OUTPUT_DROP_COUNT],
                    const uint64_t *sink, int64_t now) {
    struct news news = {.length = 0};
    if (log->said == 0)
        log->said = now;
    if (now - log->said < INT64_C(1) * MINUTE_SECONDS * SECOND)
        return;
    for (int i = 0; i < OUTPUT_DROP_COUNT; i++)
        add_news(&news, output_drop_name((enum output_drop)i), dropped[i], &log->told[i]);
    for (int i = 0; sink && i < SINK_DROP_COUNT; i++)
        add_news(&news, sink_drop_name((enum sink_drop)i), sink[i], &log->sink_told[i]);
    if (news.count > 0)
        log_line(LOG_WARNING,
                 "output \"%s\": %" PRIu64
                 " records dropped within %.0f s, which are lost: %s (deploy/delivery.md)",
                 output, news.count, (double)(now - log->said) / SECOND, news.text);
    log->said = now;
}
