#include "app/run/outbox.h"

#include <string.h>

/* An entry begins with this; key and body follow. The message's pointers to them are set anew when it is read. */
struct outbox_entry {
    size_t output;
    struct message message;
};

bool outbox_put(struct ring *ring, size_t output, const struct message *message, bool wait) {
    size_t size = sizeof(struct outbox_entry) + message->key_length + message->body_length;
    if (size > ring_record_max(ring))
        return false;
    unsigned char *bytes = wait ? ring_wait(ring, size) : ring_reserve(ring, size);
    if (bytes == NULL)
        return false;
    const struct outbox_entry entry = {output, *message};
    memcpy(bytes, &entry, sizeof entry);
    memcpy(bytes + sizeof entry, message->key, message->key_length);
    memcpy(bytes + sizeof entry + message->key_length, message->body, message->body_length);
    ring_commit(ring);
    return true;
}

bool outbox_peek(struct ring *ring, size_t *output, struct message *message) {
    size_t size;
    struct outbox_entry entry;
    const unsigned char *bytes = ring_peek(ring, &size);
    if (bytes == NULL)
        return false;
    memcpy(&entry, bytes, sizeof entry);
    *output = entry.output;
    *message = entry.message;
    message->key = (const char *)bytes + sizeof entry;
    message->body = bytes + sizeof entry + message->key_length;
    return true;
}
