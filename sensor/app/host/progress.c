#include "app/host/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { BAR_WIDTH = 30, REDRAW_MICROSECONDS = 200000 };

void progress_start(struct progress *progress, bool wanted) {
    *progress = (struct progress){.on = wanted && isatty(STDERR_FILENO), .started = clock_monotonic()};
    progress->shown = progress->started;
}

static void draw_bar(double share) {
    char bar[BAR_WIDTH + 1];
    int filled = (int)(share * BAR_WIDTH);
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "[%s] %3.0f %%  ", bar, share * 100);
}

void progress_show(struct progress *progress, uint64_t bytes_read, uint64_t bytes_total, uint64_t packets,
                   uint64_t flows) {
    int64_t now = clock_monotonic();
    if (!progress->on || now - progress->shown < REDRAW_MICROSECONDS)
        return;
    progress->shown = now;
    fputc('\r', stderr);
    if (bytes_total > 0)
        draw_bar(bytes_read < bytes_total ? (double)bytes_read / (double)bytes_total : 1.0);
    fprintf(stderr, "%" PRIu64 " packets (%.0f/s), %" PRIu64 " flows\033[K", packets,
            (double)packets * 1e6 / (double)(now - progress->started), flows);
}

void progress_end(struct progress *progress) {
    if (progress->on)
        fputs("\r\033[K", stderr);
}
