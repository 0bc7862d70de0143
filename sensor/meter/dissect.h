/* Dissection of flows by nDPI: the only place that knows nDPI. One dissector per meter; dissectors are not created in
 * parallel (nDPI's rule).
 *
 * A flow is undecided, and holds a state of nDPI's, from its first packet until its label is final, n_dissections
 * packets were seen, or it ends. Then the label and the texts are copied and the state goes back to its pool. States and
 * texts come from pools; what nDPI itself allocates for a flow (HTTP headers, certificates) is its own.
 *
 * Where all states are taken, the flow that has held one for the longest gives its own to the new one: most such flows
 * get no more packets, as those of a scan, and lose nothing by it. Its label is what nDPI has by then, or a guess, as it
 * would be at the flow's end. Should there be another packet, the flow is `undissected`. So is one that nDPI is not shown at
 * all, since the meter can't keep up (overload.h) or there is no memory for its state: its label is a guess. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "decode/walk/packet.h"
#include "meter/flow.h"
#include "meter/l7.h"

struct dissector_options {
    uint32_t n_dissections; /* packets of a flow that nDPI sees at most, 1..255 */
    bool milliseconds;      /* packet->time is in milliseconds (else microseconds) */
    uint64_t flow_table_size;
    uint64_t states;  /* flows that may be undecided at the same time; at least 1 */
    unsigned parts;   /* enum l7_part: what is kept beside labels and texts */
    bool preallocate; /* all of these states from the start */
};

struct dissector;

/* @thread meter, never two at once; 0, or -errno with the error set */
int dissector_create(const struct dissector_options *options, struct dissector **dissector,
                     struct error *error);
void dissector_destroy(struct dissector *dissector);

/* Shows nDPI a packet of a flow that is not done; it is the flow's `number`th, from 1. The l7 may be done afterwards.
 * @thread meter */
void dissector_packet(struct dissector *dissector, struct l7 *l7, const struct packet *packet,
                      uint64_t number);

/* nDPI is not shown any packet of the flow, which has begun.
 * @thread meter */
void dissector_skip(struct dissector *dissector, struct l7 *l7);

/* The flow ends, and has no label and no state of nDPI's: the label is what protocol, ports and IPv4 addresses tell alone.
 * @thread meter */
void dissector_guess(struct dissector *dissector, struct l7 *l7, const struct flow *flow);

/* The flow ends: an undecided l7 is decided, by a guess if nDPI knows nothing yet.
 * @thread meter */
void dissector_decide(struct dissector *dissector, struct l7 *l7);

/* The flow goes on, and is to be read now: an undecided l7 reads as what nDPI knows so far, without a guess, until
 * dissector_hide(), which comes before any other call. A decided one stays as it is.
 * @thread meter */
void dissector_show(struct dissector *dissector, struct l7 *l7);
void dissector_hide(struct dissector *dissector, struct l7 *l7);

/* Gives back what the l7 holds, decided or not.
 * @thread meter */
void dissector_release(struct dissector *dissector, struct l7 *l7);

/* What l7.label numbers; it stays where it is.
 * @thread any: constant after dissector_create() */
const struct l7_label *dissector_labels(const struct dissector *dissector);

/* Bytes that the states of undecided flows and the texts of decided ones take now.
 * @thread meter */
uint64_t dissector_memory(const struct dissector *dissector);

/* Flows that had a packet after they had given up their state to another one, or never had one, so far; and undecided flows
 * now.
 * @thread meter */
uint64_t dissector_undissected(const struct dissector *dissector);
uint64_t dissector_undecided(const struct dissector *dissector);

/* nDPI's protocols, numbered 0 (unknown) to the count - 1, and their names, which live as long as the dissector.
 * @thread any: constant after dissector_create() */
size_t dissector_protocol_count(const struct dissector *dissector);
const char *dissector_protocol_name(const struct dissector *dissector, size_t number);

/* What nDPI says of the protocol; texts live as long as the dissector. False: the number is not used.
 * @thread any: constant after dissector_create() */
bool dissector_protocol(const struct dissector *dissector, size_t number, struct l7_protocol *protocol);

/* nDPI's name of a risk, by its bit in l7_risks(): that of its enumerator without NDPI_, in lower case ("tls_weak_cipher"). It is the
 * same in all versions, where numbers and descriptions are not. NULL: the linked nDPI has no such risk.
 * @thread any */
const char *dissector_risk_name(unsigned bit);
/* How much is at risk by nDPI's own scale: the sum over the risks.
 * @thread any */
unsigned dissector_risk_score(uint64_t risks);
/* Those of the risks that a flow has whose both directions had packets, or may still have them.
 * @thread any */
uint64_t dissector_risks_of_both_ways(uint64_t risks);

/* "GET"; NULL: none was seen.
 * @thread any */
const char *dissector_http_method(uint8_t method);

/* pool_back() for the states.
 * @thread any, also beside the meter's */
void dissector_back_memory(const struct dissector *dissector, const atomic_bool *stop);

/* What a dissector takes at most with the linked nDPI. @thread main, before others allocate: it watches the heap. */
struct dissector_budget {
    uint64_t states; /* bytes of nDPI's states */
    /* Bytes allowed for what nDPI allocates for them: for each as much as an undecided TCP flow takes. */
    uint64_t inner;
    uint64_t texts;  /* bytes allowed for the texts of all flows */
    uint64_t module; /* bytes of nDPI itself */
};
void dissector_budget(const struct dissector_options *options, struct dissector_budget *budget);

/* Call it before anything else of this file. EX_OSFILE with the error set if the linked library is another version than
 * the one that this was built with: its structures have other members.
 * @thread any */
int dissector_check_library(struct error *error);

/* "4.2.0", of a build from git "4.2.0-1234-0a1b2c3": part of what a label means.
 * @thread any */
const char *dissector_library_version(void);
