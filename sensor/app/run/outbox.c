#include "app/run/outbox.h"

#include <string.h>

/* What stands before key and body; the message's pointers to them are void. */
struct letter {
    size_t output;
    struct message message;
};

bool outbox_put(struct ring *ring, size_t output, const struct message *message, bool wait) {
    size_t size = sizeof(struct letter) + message->key_length + message->body_length;
    if (size > ring_record_max(ring))
        return false;
    unsigned char *bytes = wait ? ring_wait(ring, size) : ring_reserve(ring, size);
    if (bytes == NULL)
        return false;
    const struct letter letter = {output, *message};
    memcpy(bytes, &letter, sizeof letter);
    memcpy(bytes + sizeof letter, message->key, message->key_length);
    memcpy(bytes + sizeof letter + message->key_length, message->body, message->body_length);
    ring_commit(ring);
    return true;
}

bool outbox_peek(struct ring *ring, size_t *output, struct message *message) {
    size_t size;
    struct letter letter;
    const unsigned char *bytes = ring_peek(ring, &size);
    if (bytes == NULL)
        return false;
    memcpy(&letter, bytes, sizeof letter);
    *output = letter.output;
    *message = letter.message;
    message->key = (const char *)bytes + sizeof letter;
    message->body = bytes + sizeof letter + message->key_length;
    return true;
}
