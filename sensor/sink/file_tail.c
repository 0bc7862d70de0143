#include "sink/file_tail.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink/file_ending.h"

enum { HEAD_BYTES = 1 << 18, SYNC_BYTES = 16, LONG_BYTES_MAX = 10 };

struct view {
    const uint8_t *at, *end;
};

static bool take_long(struct view *view, int64_t *value) {
    uint64_t zigzag = 0;
    for (unsigned i = 0; i < LONG_BYTES_MAX && view->at < view->end; i++) {
        uint8_t byte = *view->at++;
        zigzag |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *value = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
            return true;
        }
    }
    return false;
}

static bool skip_bytes(struct view *view) {
    int64_t length;
    if (!take_long(view, &length) || length < 0 || length > view->end - view->at)
        return false;
    view->at += length;
    return true;
}

/* The marker is behind the metadata, a map: runs of entries, each of which says how many it has. NULL: there is none. */
static const uint8_t *find_sync(struct view view) {
    static const uint8_t magic[4] = {'O', 'b', 'j', 1};
    int64_t entries, bytes;
    if (view.end - view.at < (ptrdiff_t)sizeof magic || memcmp(view.at, magic, sizeof magic) != 0)
        return NULL;
    view.at += sizeof magic;
    while (take_long(&view, &entries) && entries != 0) {
        if (entries < 0 && !take_long(&view, &bytes))
            return NULL;
        for (uint64_t i = entries < 0 ? -(uint64_t)entries : (uint64_t)entries; i > 0; i--)
            if (!skip_bytes(&view) || !skip_bytes(&view))
                return NULL;
    }
    return view.end - view.at >= SYNC_BYTES ? view.at : NULL;
}

static bool is_torn_container(int descriptor, off_t size) {
    uint8_t tail[SYNC_BYTES], *head = malloc(HEAD_BYTES);
    ssize_t length = head ? pread(descriptor, head, HEAD_BYTES, 0) : 0;
    const uint8_t *sync = length > 0 ? find_sync((struct view){head, head + length}) : NULL;
    bool is_torn = sync && pread(descriptor, tail, sizeof tail, size - SYNC_BYTES) == (ssize_t)sizeof tail &&
                   memcmp(tail, sync, sizeof tail) != 0;
    free(head);
    return is_torn;
}

static bool is_torn_text(int descriptor, off_t size) {
    char last;
    return pread(descriptor, &last, 1, size - 1) == 1 && last != '\n';
}

bool file_tail_is_torn(const char *path) {
    struct file_ending ending;
    struct stat status;
    file_ending_of(path, &ending);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_torn = false;
    if (descriptor >= 0 && fstat(descriptor, &status) == 0 && status.st_size > 0 && !ending.compression &&
        ending.format)
        is_torn = strcmp(ending.format, "avro") == 0 ? is_torn_container(descriptor, status.st_size)
                                                     : is_torn_text(descriptor, status.st_size);
    if (descriptor >= 0)
        close(descriptor);
    return is_torn;
}
