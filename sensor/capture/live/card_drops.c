#include "capture/live/card_drops.h"

#include <linux/if_arp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CARDS_MAX = 64 }; /* a host with more counts those of the first ones */

struct card {
    uint32_t index; /* 0: none */
    char name[IF_NAMESIZE];
    uint64_t last;    /* as the kernel's counter was */
    uint64_t dropped; /* since it was added */
};

/* The owner writes under the lock and reads without it; others read under it. */
struct card_drops {
    pthread_mutex_t lock;
    struct card cards[CARDS_MAX];
    uint64_t sum; /* also of cards that were removed */
};

struct card_drops *card_drops_create(void) {
    struct card_drops *drops = calloc(1, sizeof *drops);
    if (drops != NULL)
        pthread_mutex_init(&drops->lock, NULL);
    return drops;
}

void card_drops_destroy(struct card_drops *drops) {
    if (drops == NULL)
        return;
    pthread_mutex_destroy(&drops->lock);
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

static void put_card(struct card_drops *drops, struct card *place, const struct card *card) {
    pthread_mutex_lock(&drops->lock);
    *place = *card;
    pthread_mutex_unlock(&drops->lock);
}

void card_drops_add(struct card_drops *drops, const struct interface *interface) {
    const struct interface_link *link = &interface->link;
    struct card *place = find_card(drops, 0);
    struct card card = {.index = link->index};
    if (link->kind[0] != '\0' || link->hardware == ARPHRD_LOOPBACK || place == NULL ||
        find_card(drops, link->index) != NULL)
        return;
    memcpy(card.name, link->name, sizeof card.name);
    card.last = read_drops(&card);
    put_card(drops, place, &card);
}

void card_drops_remove(struct card_drops *drops, uint32_t index) {
    struct card *card = find_card(drops, index);
    if (card != NULL)
        put_card(drops, card, &(struct card){0});
}

static void look_at_card(struct card_drops *drops, struct card *card) {
    uint64_t now = read_drops(card);
    /* A counter that went back was set to 0 by the driver. */
    uint64_t by = now > card->last ? now - card->last : 0;
    card->last = now;
    pthread_mutex_lock(&drops->lock);
    card->dropped += by;
    drops->sum += by;
    pthread_mutex_unlock(&drops->lock);
}

void card_drops_look(struct card_drops *drops) {
    for (size_t i = 0; i < CARDS_MAX; i++)
        if (drops->cards[i].index != 0)
            look_at_card(drops, &drops->cards[i]);
}

uint64_t card_drops_sum(struct card_drops *drops) {
    pthread_mutex_lock(&drops->lock);
    uint64_t sum = drops->sum;
    pthread_mutex_unlock(&drops->lock);
    return sum;
}

void card_drops_tell(struct card_drops *drops, capture_card_visit *visit, void *context) {
    pthread_mutex_lock(&drops->lock);
    for (size_t i = 0; i < CARDS_MAX; i++)
        if (drops->cards[i].index != 0)
            visit(context, drops->cards[i].name, drops->cards[i].dropped);
    pthread_mutex_unlock(&drops->lock);
}
