#include "app/run/inbox.h"

#include <string.h>

#include "base/check.h"

/* Instead of a time: those of a recording of its own follow. */
enum { NO_TIME = -1 };

/* An entry is a packet and, but for a mere time, the bytes that packet->ip pointed to. Both sides are threads of one process,
 * so it points to the bytes in the entry. */
void inbox_put(struct ring *ring, const struct packet *packet) {
    DEBUG_CHECK(packet->ip != NULL); /* such an entry is a time */
    struct packet *entry = ring_wait(ring, sizeof *packet + packet->ip_captured);
    uint8_t *bytes = (uint8_t *)(entry + 1);
    *entry = *packet;
    entry->ip = bytes;
    memcpy(bytes, packet->ip, packet->ip_captured);
    ring_add(ring);
}

void inbox_put_time(struct ring *ring, int64_t time) {
    struct packet *entry = ring_wait(ring, sizeof *entry);
    *entry = (struct packet){.time = time};
    ring_commit(ring);
}

void inbox_put_begin(struct ring *ring) {
    inbox_put_time(ring, NO_TIME);
}

enum inbox_content inbox_peek(struct ring *ring, const struct packet **packet) {
    size_t size;
    *packet = ring_peek(ring, &size);
    if (*packet == NULL)
        return INBOX_EMPTY;
    if ((*packet)->ip != NULL)
        return INBOX_PACKET;
    return (*packet)->time == NO_TIME ? INBOX_BEGIN : INBOX_TIME;
}
