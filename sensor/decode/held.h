/* Later fragments that came before their datagram's first one. Only the first one says which flow they are of. They are
 * kept with their captured bytes until it comes. They are given up after FRAGMENT_LIFETIME_US, or when newer ones need
 * the room. So a flood drives out others' fragments, and does no other harm.
 *
 * The memory has a fixed size and is part of the decoder; first in, first out. Packets that are handed out borrow from
 * it until the next held_put(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "decode/fragment.h"
#include "decode/walk/packet.h"

enum {
    HELD_PACKETS = 512,
    HELD_BYTES = 512 << 10,          /* more than 300 fragments of Ethernet's size */
    HELD_BYTES_MAX = HELD_BYTES / 4, /* of one packet; nobody sends such */
};

enum held_state { HELD_DONE, HELD_WAITING, HELD_RELEASED };

struct held_packet {
    struct packet packet; /* its bytes are in `bytes` */
    struct fragment_key key;
    uint32_t offset; /* of its bytes */
    uint8_t state;   /* enum held_state */
    bool looked_into;
};

struct held {
    uint32_t first; /* place of the oldest packet */
    uint32_t count; /* places in use */
    uint32_t next_offset;
    uint32_t cursor; /* places from the oldest on that held_take() has looked at */
    uint32_t waiting;
    uint32_t released; /* and not yet taken */
    uint32_t given_up; /* and not yet taken */
    int64_t newest;    /* time of what was released and has a flow */
    struct held_packet packets[HELD_PACKETS];
    uint8_t bytes[HELD_BYTES];
};

/* Keeps a packet whose protocol and ports are not known yet. Its size[ACCOUNT_TRANSPORT] and size[ACCOUNT_PAYLOAD] both
 * count all bytes after the IP headers. Gives up as many others as needed; false: it is too large. */
bool held_put(struct held *held, const struct fragment_key *key, const struct packet *packet);

/* Gives up what came before `oldest` (microseconds). */
void held_expire(struct held *held, int64_t oldest);

/* Releases the packets that wait for this datagram and are not older than `oldest`, and gives them protocol and ports. */
void held_release(struct held *held, const struct fragment_key *key, const struct fragment_datagram *datagram,
                  int64_t oldest);

/* The time of the earliest packet that waits; false: none does. */
bool held_earliest(const struct held *held, int64_t *time);

/* The next released packet, in order of arrival; NULL: there is no more. */
const struct held_packet *held_take(struct held *held);
