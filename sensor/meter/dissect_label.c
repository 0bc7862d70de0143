#include "meter/dissect_label.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum {
    SLOT_BITS = 14, /* so that not more than half of the slots are used */
    SLOTS = 1 << SLOT_BITS,
    LABEL_UNKNOWN = 1,
};

struct label_store {
    struct ndpi_detection_module_struct *module;
    struct l7_label *labels;
    uint16_t count;        /* with number 0, which is none's */
    uint16_t slots[SLOTS]; /* numbers, found by their labels; 0: free */
};

struct label_store *label_store_create(struct ndpi_detection_module_struct *module) {
    struct label_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return NULL;
    store->module = module;
    store->count = LABEL_UNKNOWN;
    store->labels = calloc(LABELS_MAX + 1, sizeof(*store->labels));
    if (store->labels == NULL) {
        free(store);
        return NULL;
    }
    label_store_number(store, (struct shim_label){0});
    return store;
}

void label_store_destroy(struct label_store *store) {
    if (store == NULL)
        return;
    free(store->labels);
    free(store);
}

const struct l7_label *label_store_labels(const struct label_store *store) {
    return store->labels;
}

static bool label_is(const struct l7_label *known, struct shim_label label) {
    return known->master == label.master && known->application == label.application &&
           known->category == label.category;
}

/* The slot of a label, or the free one where it belongs. */
static uint16_t *slot_of(struct label_store *store, struct shim_label label) {
    uint64_t key = (uint64_t)label.category << 32 | (uint32_t)label.master << 16 | label.application;
    size_t i =
        (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SLOT_BITS)); /* Knuth's multiplicative hash */
    while (store->slots[i] != 0 && !label_is(&store->labels[store->slots[i]], label))
        i = (i + 1) % SLOTS;
    return &store->slots[i];
}

static uint8_t clean_length(const char *name) {
    size_t length = strlen(name);
    return length <= UINT8_MAX && text_is_clean(name, length) ? (uint8_t)length : 0;
}

uint16_t label_store_number(struct label_store *store, struct shim_label label) {
    uint16_t *slot = slot_of(store, label);
    if (*slot != 0)
        return *slot;
    if (store->count > LABELS_MAX)
        return LABEL_UNKNOWN;
    struct l7_label *new = &store->labels[store->count];
    new->category_name = ndpi_category_get_name(store->module, (ndpi_protocol_category_t)label.category);
    new->master = label.master;
    new->application = label.application;
    new->category = label.category;
    shim_name(store->module, label.master, label.application, new->name, sizeof(new->name));
    new->name_clean = clean_length(new->name);
    new->category_clean = clean_length(new->category_name);
    new->breed = shim_breed(store->module, label.application != 0 ? label.application : label.master);
    *slot = store->count;
    return store->count++;
}

size_t label_store_memory_for(void) {
    return sizeof(struct label_store) + (LABELS_MAX + 1) * sizeof(struct l7_label);
}
