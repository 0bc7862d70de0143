#include "app/run/inbox.h"

#include <string.h>

#include "base/check.h"

/* Instead of a time: those of a recording of its own follow. */
enum { NO_TIME = -1 };

/* An entry is a packet and, but for a mere time, the bytes that packet->ip pointed to. */
void inbox_put(struct ring *ring, const struct packet *packet) {
    DEBUG_CHECK(packet->ip != NULL); /* such an entry is a time */
    unsigned char *entry = ring_wait(ring, sizeof *packet + packet->ip_captured);
    memcpy(entry, packet, sizeof *packet);
    memcpy(entry + sizeof *packet, packet->ip, packet->ip_captured);
    ring_commit(ring);
}

void inbox_put_time(struct ring *ring, int64_t time) {
    const struct packet packet = {.time = time};
    memcpy(ring_wait(ring, sizeof packet), &packet, sizeof packet);
    ring_commit(ring);
}

void inbox_put_begin(struct ring *ring) {
    inbox_put_time(ring, NO_TIME);
}

enum inbox_content inbox_peek(struct ring *ring, struct packet *packet) {
    size_t size;
    const unsigned char *entry = ring_peek(ring, &size);
    if (entry == NULL)
        return INBOX_EMPTY;
    memcpy(packet, entry, sizeof *packet);
    if (packet->ip == NULL)
        return packet->time == NO_TIME ? INBOX_BEGIN : INBOX_TIME;
    packet->ip = entry + sizeof *packet;
    return INBOX_PACKET;
}
