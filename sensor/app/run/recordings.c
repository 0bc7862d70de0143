#include "app/run/recordings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "decode/decode.h"

enum {
    SECOND = 1000000,
    RAISED_PERCENT = 1, /* of a file's packets; merged captures have some */
    TIME_TEXT = 48,
};

static const char *capture_name(const struct capture *capture, uint32_t file) {
    const char *name = capture_file_names(capture)[file];
    return strcmp(name, "-") == 0 ? "standard input" : name;
}

static void write_time(int64_t time, char text[TIME_TEXT]) {
    struct tm parts;
    time_t seconds = time / SECOND;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, TIME_TEXT - length, ".%06dZ", (int)(time % SECOND));
}

static void warn_of_raised(const struct recordings *recordings, const struct capture *capture,
                           uint64_t packets, uint64_t raised) {
    packets -= recordings->packets;
    raised -= recordings->raised;
    if (raised * 100 <= packets * RAISED_PERCENT)
        return;
    log_line(LOG_WARNING,
             "%s: %" PRIu64 " of %" PRIu64
             " packets are older than packets before them; their times were raised%s",
             capture_name(capture, recordings->file), raised, packets,
             recordings->natively ? "; reordercap(1) puts a capture in order"
                                  : "; give captures in the order of their times, or with --sort");
}

static void warn_of_begin(const struct recordings *recordings, const struct capture *capture, int64_t begin) {
    char begins[TIME_TEXT], ends[TIME_TEXT];
    write_time(begin, begins);
    write_time(recordings->end, ends);
    log_line(LOG_WARNING,
             "%s begins at %s, before %s ends at %s: times and flows start afresh; parts of one recording "
             "are given in order, or with --sort",
             capture_name(capture, recordings->file), begins, capture_name(capture, recordings->before),
             ends);
}

/* False: it is out of range. */
static bool frame_time(const struct frame *frame, int64_t *time) {
    if (frame->seconds < 0 || frame->seconds >= DECODE_TIME_END)
        return false;
    *time = frame->seconds * SECOND + frame->microseconds;
    return true;
}

bool recordings_take(struct recordings *recordings, const struct capture *capture, const struct frame *frame,
                     uint64_t packets, uint64_t raised) {
    int64_t time;
    if (frame->file != recordings->file) {
        warn_of_raised(recordings, capture, packets, raised);
        recordings->file = frame->file;
        recordings->packets = packets;
        recordings->raised = raised;
        recordings->is_pending = true;
    }
    if (!frame_time(frame, &time))
        return false;
    bool afresh =
        recordings->natively && recordings->is_pending && recordings->begun && time < recordings->end;
    if (afresh)
        warn_of_begin(recordings, capture, time);
    if (afresh || time > recordings->end)
        recordings->end = time;
    recordings->is_pending = false;
    recordings->begun = true;
    recordings->before = frame->file;
    return afresh;
}

void recordings_end(struct recordings *recordings, const struct capture *capture, uint64_t packets,
                    uint64_t raised) {
    if (recordings->begun)
        warn_of_raised(recordings, capture, packets, raised);
}
