#include "capture/live/card_drops.h"

#include <linux/if_arp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CARDS_MAX = 64 }; /* a host with more counts those of the first ones */

struct card {
    uint32_t index; /* 0: none */
    char name[IF_NAMESIZE];
    uint64_t last;
};

struct card_drops {
    struct card cards[CARDS_MAX];
    atomic_uint_least64_t sum;
};

struct card_drops *card_drops_create(void) {
    return calloc(1, sizeof(struct card_drops));
}

void card_drops_destroy(struct card_drops *drops) {
    free(drops);
}

static uint64_t read_counter(const char *name, const char *counter) {
    char path[128];
    char text[32] = "";
    snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", name, counter);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    const char *line = fgets(text, sizeof text, file);
    fclose(file);
    return line != NULL ? strtoull(line, NULL, 10) : 0;
}

static uint64_t read_drops(const struct card *card) {
    return read_counter(card->name, "rx_missed_errors") + read_counter(card->name, "rx_fifo_errors");
}

static struct card *find_card(struct card_drops *drops, uint32_t index) {
    for (size_t i = 0; i < CARDS_MAX; i++)
        if (drops->cards[i].index == index)
            return &drops->cards[i];
    return NULL;
}

void card_drops_add(struct card_drops *drops, const struct interface *interface) {
    const struct interface_link *link = &interface->link;
    struct card *card = find_card(drops, 0);
    if (link->kind[0] != '\0' || link->hardware == ARPHRD_LOOPBACK || card == NULL ||
        find_card(drops, link->index) != NULL)
        return;
    card->index = link->index;
    memcpy(card->name, link->name, sizeof card->name);
    card->last = read_drops(card);
}

static void look_at_card(struct card_drops *drops, struct card *card) {
    uint64_t now = read_drops(card);
    /* A counter that went back was set to 0 by the driver. */
    if (now > card->last)
        atomic_fetch_add_explicit(&drops->sum, now - card->last, memory_order_relaxed);
    card->last = now;
}

void card_drops_remove(struct card_drops *drops, uint32_t index) {
    struct card *card = find_card(drops, index);
    if (card != NULL)
        *card = (struct card){0};
}

void card_drops_look(struct card_drops *drops) {
    for (size_t i = 0; i < CARDS_MAX; i++)
        if (drops->cards[i].index != 0)
            look_at_card(drops, &drops->cards[i]);
}

uint64_t card_drops_sum(const struct card_drops *drops) {
    return atomic_load_explicit(&drops->sum, memory_order_relaxed);
}
