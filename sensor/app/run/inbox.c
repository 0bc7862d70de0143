#include "app/run/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* Instead of a time: those of a recording of its own follow. */
enum { NO_TIME = -1 };

struct entry {
    struct packet packet; /* without packet.ip: a mere time */
    struct window *window;
    uint32_t hash;
    uint8_t bytes[]; /* of the packet, if they don't stay in the window */
};

struct inbox *inbox_create(size_t bytes, struct gate *filled) {
    struct inbox *inbox = cache_line_calloc(1, sizeof *inbox);
    if (inbox != NULL && (inbox->ring = ring_create(bytes, filled)) == NULL) {
        free(inbox);
        return NULL;
    }
    if (inbox != NULL)
        inbox->filled = filled;
    return inbox;
}

void inbox_destroy(struct inbox *inbox) {
    if (inbox == NULL)
        return;
    ring_destroy(inbox->ring);
    free(inbox);
}

/* Both sides are threads of one process, so an entry points to its bytes. */
void inbox_put(struct inbox *inbox, const struct packet *packet, uint32_t hash, struct window *window) {
    DEBUG_CHECK(packet->ip != NULL); /* such an entry is a time */
    bool stays = window != NULL && window_has(window, packet->ip);
    size_t copied = stays ? 0 : packet->ip_captured;
    struct entry *entry = ring_wait(inbox->ring, sizeof *entry + copied);
    entry->packet = *packet;
    if (!stays) {
        memcpy(entry->bytes, packet->ip, copied);
        entry->packet.ip = entry->bytes;
    } else if (inbox->put != window) {
        window_hold(window);
        inbox->put = window;
    }
    entry->window = inbox->put;
    entry->hash = hash;
    ring_add(inbox->ring);
}

void inbox_put_time(struct inbox *inbox, int64_t time) {
    struct entry *entry = ring_wait(inbox->ring, sizeof *entry);
    *entry = (struct entry){.packet.time = time};
    inbox->put = NULL;
    ring_add(inbox->ring);
    inbox_hand_over(inbox);
}

void inbox_hand_over(struct inbox *inbox) {
    ring_publish(inbox->ring);
    gate_open(inbox->filled);
}

void inbox_put_begin(struct inbox *inbox) {
    inbox_put_time(inbox, NO_TIME);
}

/* Each inbox_put() that held a window is followed by entries that have it, and then by one that hasn't. */
static void inbox_reach(struct inbox *inbox, struct window *window) {
    if (inbox->reached != NULL)
        window_release(inbox->reached);
    inbox->reached = window;
}

uint32_t inbox_hash(const struct packet *packet) {
    return ((const struct entry *)packet)->hash;
}

enum inbox_content inbox_peek(struct inbox *inbox, const struct packet **packet) {
    size_t size;
    const struct entry *entry = ring_peek(inbox->ring, &size);
    *packet = NULL;
    if (entry == NULL)
        return INBOX_EMPTY;
    if (entry->window != inbox->reached)
        inbox_reach(inbox, entry->window);
    *packet = &entry->packet;
    if (entry->packet.ip != NULL)
        return INBOX_PACKET;
    return entry->packet.time == NO_TIME ? INBOX_BEGIN : INBOX_TIME;
}
