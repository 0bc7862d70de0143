#include "capture/format.h"

#include <stdarg.h>
#include <stdio.h>

enum read_result recording_fails(struct recording *recording, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(recording->reason, sizeof recording->reason, format, arguments);
    va_end(arguments);
    return READ_FAILED;
}

enum read_result recording_lacks(struct recording *recording, bool between, const char *what) {
    const struct stream *stream = recording->stream;
    if (stream->state == STREAM_IDLE)
        return READ_IDLE;
    if (stream->state == STREAM_FAILED)
        return recording_fails(recording, "%s", stream->reason);
    if (between && stream_is_used_up(stream))
        return READ_END;
    return recording_fails(recording, "it ends within %s", what);
}

enum read_result recording_filters(struct recording *recording, const struct link *link) {
    if (!link->refuses)
        return READ_GOOD;
    link_refuse_filter(recording->links, link, recording->name, &recording->refusal);
    return READ_FAILED;
}
