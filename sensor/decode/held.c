#include "decode/held.h"

#include <string.h>

static uint32_t held_index(const struct held *held, uint32_t number) {
    return (held->first + number) % HELD_PACKETS;
}

static struct held_packet *held_place(struct held *held, uint32_t number) {
    return &held->packets[held_index(held, number)];
}

static void drop_oldest(struct held *held) {
    struct held_packet *oldest = held_place(held, 0);
    if (oldest->state == HELD_WAITING) {
        held->waiting--;
        held->given_up++;
    }
    oldest->state = HELD_DONE;
    held->first = (held->first + 1) % HELD_PACKETS;
    held->count--;
}

/* Finds room for `size` bytes in one piece. The bytes in use begin with the oldest packet's. */
static bool find_room(struct held *held, uint32_t size) {
    if (held->count == 0) {
        held->next_offset = 0;
        return true;
    }
    if (held->count == HELD_PACKETS)
        return false;
    uint32_t used_from = held_place(held, 0)->offset;
    if (held->next_offset <= used_from)
        return used_from - held->next_offset > size;
    if (HELD_BYTES - held->next_offset >= size)
        return true;
    if (used_from <= size)
        return false;
    held->next_offset = 0;
    return true;
}

bool held_put(struct held *held, const struct fragment_key *key, const struct packet *packet) {
    uint32_t size = packet->ip_captured;
    if (size > HELD_BYTES_MAX)
        return false;
    while (!find_room(held, size))
        drop_oldest(held);
    struct held_packet *new = held_place(held, held->count);
    *new = (struct held_packet){.packet = *packet, .key = *key, .offset = held->next_offset};
    new->state = HELD_WAITING;
    new->packet.ip = held->bytes + held->next_offset;
    memcpy(held->bytes + held->next_offset, packet->ip, size);
    held->next_offset += size;
    held->count++;
    held->waiting++;
    return true;
}

void held_expire(struct held *held, int64_t oldest) {
    while (held->count > 0) {
        const struct held_packet *next = held_place(held, 0);
        if (next->state == HELD_RELEASED || (next->state == HELD_WAITING && next->packet.time >= oldest))
            return;
        drop_oldest(held);
    }
}

void held_release(struct held *held, const struct fragment_key *key, const struct fragment_datagram *datagram,
                  int64_t oldest) {
    held->cursor = 0;
    held->newest = INT64_MIN;
    for (uint32_t number = 0; held->waiting > 0 && number < held->count; number++) {
        struct held_packet *packet = held_place(held, number);
        if (packet->state != HELD_WAITING || packet->packet.time < oldest ||
            memcmp(&packet->key, key, sizeof *key) != 0)
            continue;
        fragment_describe(datagram, &packet->packet);
        packet->looked_into = datagram->looked_into;
        packet->state = HELD_RELEASED;
        if (!packet->looked_into && packet->packet.time > held->newest)
            held->newest = packet->packet.time;
        held->waiting--;
        held->released++;
    }
}

/* They came in the order of their times. */
bool held_earliest(const struct held *held, int64_t *time) {
    for (uint32_t number = 0; held->waiting > 0 && number < held->count; number++) {
        const struct held_packet *packet = &held->packets[held_index(held, number)];
        *time = packet->packet.time;
        if (packet->state == HELD_WAITING)
            return true;
    }
    return false;
}

const struct held_packet *held_take(struct held *held) {
    while (held->released > 0) {
        struct held_packet *packet = held_place(held, held->cursor++);
        if (packet->state != HELD_RELEASED)
            continue;
        packet->state = HELD_DONE;
        held->released--;
        return packet;
    }
    return NULL;
}
