#include "meter/dissect.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "meter/dissect_label.h"
#include "meter/dissect_measure.h"
#include "meter/dissect_pool.h"
#include "meter/dissect_shim.h"
#include "meter/dissect_text.h"
#include "meter/dissect_view.h"

enum {
    /* By which nDPI's module grows after its start: what it remembers across flows. */
    MEMORY_BYTES = 2560 << 10,
    TEXT_BYTES = 48, /* of a flow's texts, on average in captures of real traffic */
};

struct dissector {
    struct ndpi_detection_module_struct *module;
    struct dissection_pool *states;
    struct text_pools *texts;
    uint32_t n_dissections;
    bool milliseconds;
    uint8_t confidences[NDPI_CONFIDENCE_MAX]; /* enum l7_confidence */
    struct label_store *labels;
    uint64_t undissected;
    uint8_t *scratch; /* of view_of() */
    struct l7 hidden; /* what dissector_show() puts another in the place of */
};

/* nDPI's own names, which are stable where its numbers are not. */
static const struct {
    const char *name;
    enum l7_confidence confidence;
} confidence_names[] = {
    {"Match by port", L7_CONFIDENCE_MATCH_BY_PORT},
    {"nBPF", L7_CONFIDENCE_NBPF},
    {"DPI (partial)", L7_CONFIDENCE_DPI_PARTIAL},
    {"DPI (partial cache)", L7_CONFIDENCE_DPI_PARTIAL_CACHE},
    {"DPI (cache)", L7_CONFIDENCE_DPI_CACHE},
    {"DPI", L7_CONFIDENCE_DPI},
    {"Match by IP", L7_CONFIDENCE_MATCH_BY_IP},
    {"DPI (aggressive)", L7_CONFIDENCE_DPI_AGGRESSIVE},
    {"Match by custom rule", L7_CONFIDENCE_CUSTOM_RULE},
};

static uint8_t confidence_by_name(const char *name) {
    for (size_t i = 0; name != NULL && i < sizeof(confidence_names) / sizeof(*confidence_names); i++)
        if (strcmp(name, confidence_names[i].name) == 0)
            return (uint8_t)confidence_names[i].confidence;
    return L7_CONFIDENCE_UNKNOWN;
}

/* On average, as TEXT_BYTES is. */
static unsigned text_bytes_of(unsigned parts) {
    return (parts & L7_PART_RISKS ? 8u : 0) + (parts & L7_PART_TLS ? 32u : 0) +
           (parts & L7_PART_HTTP ? 4u : 0);
}

static int dissector_create_parts(struct dissector *dissector, const struct dissector_options *options) {
    dissector->states = dissection_pool_create(options->states, options->preallocate);
    dissector->texts = text_pools_create(options->flow_table_size + 1, options->parts);
    dissector->scratch = malloc(VIEW_MAX);
    dissector->module = shim_create();
    if (dissector->module != NULL)
        dissector->labels = label_store_create(dissector->module);
    bool complete = dissector->states != NULL && dissector->texts != NULL && dissector->labels != NULL &&
                    dissector->scratch != NULL;
    return complete ? 0 : -ENOMEM;
}

int dissector_check_library(struct error *error) {
    size_t flow_size = ndpi_detection_get_sizeof_ndpi_flow_struct();
    if (shim_is_library(ndpi_revision(), flow_size))
        return 0;
    return error_set(
        error, ELIBBAD, EX_OSFILE,
        "the library nDPI %s (%zu bytes a flow) is not the one that flowsensor was built with, nDPI %s (%zu "
        "bytes); install that one, or build flowsensor with this one",
        ndpi_revision(), flow_size, shim_header_version(), sizeof(struct ndpi_flow_struct));
}

int dissector_create(const struct dissector_options *options, struct dissector **dissector,
                     struct error *error) {
    struct dissector *new = calloc(1, sizeof(*new));
    if (new == NULL || dissector_create_parts(new, options) < 0) {
        dissector_destroy(new);
        return error_set(error, ENOMEM, EX_OSERR,
                         "no memory to start nDPI for %llu flows; lower meter.flow_table_size",
                         (unsigned long long)options->flow_table_size);
    }
    new->n_dissections = options->n_dissections;
    new->milliseconds = options->milliseconds;
    for (int i = 0; i < NDPI_CONFIDENCE_MAX; i++)
        new->confidences[i] = confidence_by_name(ndpi_confidence_get_name((ndpi_confidence_t)i));
    *dissector = new;
    return 0;
}

void dissector_destroy(struct dissector *dissector) {
    if (dissector == NULL)
        return;
    if (dissector->module != NULL)
        ndpi_exit_detection_module(dissector->module);
    dissection_pool_destroy(dissector->states);
    text_pools_destroy(dissector->texts);
    label_store_destroy(dissector->labels);
    free(dissector->scratch);
    free(dissector);
}

/* Copies from the state what is worth keeping. An l7 without one never had one. */
static void l7_copy(struct dissector *dissector, struct l7 *l7) {
    const struct dissection *state = l7->state;
    struct shim_label label = state != NULL ? state->label : (struct shim_label){0};
    l7->label = label_store_number(dissector->labels, label);
    l7->texts = NULL;
    l7->unseen = state == NULL;
    if (state == NULL)
        return;
    if ((unsigned)state->flow.confidence < NDPI_CONFIDENCE_MAX)
        l7->confidence = dissector->confidences[state->flow.confidence];
    l7->texts =
        text_block_take(dissector->texts, &state->flow, label.master, label.application, l7->confidence);
}

/* Copies, and gives the state back. */
static void l7_decide(struct dissector *dissector, struct l7 *l7) {
    struct dissection *state = l7->state;
    l7_copy(dissector, l7);
    l7->is_done = true;
    if (state != NULL)
        dissection_give(dissector->states, state);
}

static void l7_give_up(struct dissector *dissector, struct l7 *l7) {
    uint8_t guessed = 0;
    l7->state->label = shim_label(shim_give_up(dissector->module, &l7->state->flow, &guessed));
    l7->guessed = guessed != 0;
}

static void l7_show(struct dissector *dissector, struct dissection *state, const struct view *view,
                    int64_t time) {
    int64_t milliseconds = dissector->milliseconds ? time : time / 1000;
    state->label = shim_label(
        shim_packet(dissector->module, &state->flow, view->ip, view->length, (uint64_t)milliseconds));
}

void dissector_decide(struct dissector *dissector, struct l7 *l7) {
    if (l7->label != 0)
        return;
    if (l7->state != NULL && l7->state->label.application == NDPI_PROTOCOL_UNKNOWN)
        l7_give_up(dissector, l7);
    l7_decide(dissector, l7);
}

/* The flow gives up its state before nDPI is done with it. */
static void l7_cut_short(struct dissector *dissector, struct l7 *l7) {
    dissector_decide(dissector, l7);
    l7->is_done = false;
}

static void l7_note_undissected(struct dissector *dissector, struct l7 *l7) {
    l7->undissected = true;
    l7->is_done = true;
    dissector->undissected++;
}

/* False: there is no memory for even one. */
static bool l7_take_state(struct dissector *dissector, struct l7 *l7) {
    l7->state = dissection_take(dissector->states, l7);
    if (l7->state == NULL) {
        struct dissection *oldest = dissection_oldest(dissector->states);
        if (oldest == NULL)
            return false;
        l7_cut_short(dissector, oldest->owner);
        l7->state = dissection_take(dissector->states, l7);
    }
    return l7->state != NULL;
}

void dissector_skip(struct dissector *dissector, struct l7 *l7) {
    l7_note_undissected(dissector, l7);
}

/* IPv6's are 0, which no network of nDPI's has: only ports tell then. */
static uint32_t address_of(const struct flow *flow, const uint8_t *address) {
    uint32_t number = 0;
    if (flow->ip_version == 4)
        memcpy(&number, address, sizeof number);
    return be32toh(number);
}

void dissector_guess(struct dissector *dissector, struct l7 *l7, const struct flow *flow) {
    const struct shim_ends ends = {.source = address_of(flow, flow_source(flow)),
                                   .destination = address_of(flow, flow_destination(flow)),
                                   .source_port = flow_source_port(flow),
                                   .destination_port = flow_destination_port(flow)};
    struct shim_label label = shim_label(shim_guess(dissector->module, flow->key.protocol, &ends));
    l7->label = label_store_number(dissector->labels, label);
    l7->guessed = label.application != NDPI_PROTOCOL_UNKNOWN;
    l7->texts = NULL;
    l7->is_done = true;
    l7->unseen = true;
}

void dissector_packet(struct dissector *dissector, struct l7 *l7, const struct packet *packet,
                      uint64_t number) {
    if (l7->label != 0) {
        l7_note_undissected(dissector, l7);
        return;
    }
    if (l7->state == NULL && !l7_take_state(dissector, l7)) {
        l7_note_undissected(dissector, l7);
        return;
    }
    struct view view;
    if (view_of(packet, dissector->scratch, &view))
        l7_show(dissector, l7->state, &view, packet->time);
    bool known = l7->state->label.application != NDPI_PROTOCOL_UNKNOWN;
    bool last = number >= dissector->n_dissections;
    if (last && !known)
        l7_give_up(dissector, l7);
    if (last || (known && shim_is_final(dissector->module, &l7->state->flow)))
        l7_decide(dissector, l7);
}

void dissector_show(struct dissector *dissector, struct l7 *l7) {
    dissector->hidden = *l7;
    if (l7->label == 0)
        l7_copy(dissector, l7);
}

void dissector_hide(struct dissector *dissector, struct l7 *l7) {
    if (dissector->hidden.label != 0)
        return;
    text_block_give(dissector->texts, l7->texts);
    *l7 = dissector->hidden;
}

void dissector_release(struct dissector *dissector, struct l7 *l7) {
    if (l7->label != 0)
        text_block_give(dissector->texts, l7->texts);
    else if (l7->state != NULL)
        dissection_give(dissector->states, l7->state);
    *l7 = (struct l7){0};
}

const struct l7_label *dissector_labels(const struct dissector *dissector) {
    return label_store_labels(dissector->labels);
}

uint64_t dissector_memory(const struct dissector *dissector) {
    return dissection_memory(dissector->states) + text_pools_memory(dissector->texts);
}

uint64_t dissector_undissected(const struct dissector *dissector) {
    return dissector->undissected;
}

uint64_t dissector_undecided(const struct dissector *dissector) {
    return dissection_count(dissector->states);
}

size_t dissector_protocol_count(const struct dissector *dissector) {
    return shim_protocol_count(dissector->module);
}

const char *dissector_protocol_name(const struct dissector *dissector, size_t number) {
    return ndpi_get_proto_name(dissector->module, (uint16_t)number);
}

bool dissector_protocol(const struct dissector *dissector, size_t number, struct l7_protocol *protocol) {
    struct ndpi_detection_module_struct *module = dissector->module;
    uint16_t id = (uint16_t)number;
    *protocol = (struct l7_protocol){.id = id, .name = dissector_protocol_name(dissector, number)};
    protocol->category = shim_category(module, id);
    protocol->category_name = ndpi_category_get_name(module, (ndpi_protocol_category_t)protocol->category);
    protocol->breed = shim_breed(module, id);
    /* nDPI calls a number that it doesn't use as it calls 0. */
    return number == 0 || strcmp(protocol->name, dissector_protocol_name(dissector, 0)) != 0;
}

void dissector_back_memory(const struct dissector *dissector, const atomic_bool *stop) {
    dissection_back_memory(dissector->states, stop);
}

void dissector_budget(const struct dissector_options *options, struct dissector_budget *budget) {
    budget->states = dissection_memory_for(options->states, options->preallocate);
    struct dissect_sizes sizes = dissect_sizes();
    budget->inner = options->states * sizes.inner;
    budget->texts = options->flow_table_size * (TEXT_BYTES + text_bytes_of(options->parts));
    budget->module = sizes.module + MEMORY_BYTES + label_store_memory_for();
}

const char *dissector_library_version(void) {
    return ndpi_revision();
}
