/* nDPI's API from version 4.2 on. Calls that differ between versions have one name here. Versions changed one call at a
 * time, and snapshots have any mixture of them, so a version number doesn't tell which form of a call a library has. Each
 * form is a file in dissect_form/, and CMake builds the one that the library has (ndpi_forms.cmake). Calls that take a
 * module or a flow are for the thread of its meter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ndpi_api.h>

/* Without their NUL. */
enum { SHIM_JA3_LENGTH = 32, SHIM_JA4_LENGTH = 36 };

/* nDPI's numbers. */
struct shim_label {
    uint16_t master, application, category;
};

/* Whether the linked library, which reports this revision and size, is of the version whose headers this was compiled with.
 * Other versions have other members in the structures that both sides read. */
bool shim_is_library(const char *revision, size_t flow_size);
/* The headers' version, like "4.2.0". */
const char *shim_header_version(void);

/* A module that knows all protocols, ready for packets. NULL: no memory. Free with ndpi_exit_detection_module(). */
struct ndpi_detection_module_struct *shim_create(void);

/* The parts of shim_create(). */
void shim_enable_all(struct ndpi_detection_module_struct *module);
/* Turns on subclassification of DNS, as NFStream does. Versions without the setting always do it. */
void shim_subclassify(struct ndpi_detection_module_struct *module);
/* 0, or an error of nDPI's. */
int shim_finalize(struct ndpi_detection_module_struct *module);

ndpi_protocol shim_packet(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                          const uint8_t *ip, uint16_t length, uint64_t milliseconds);
/* The label of a flow that gets no more packets; *guessed: found by port or address alone. */
ndpi_protocol shim_give_up(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                           uint8_t *guessed);
/* The two ends of a flow, in the host's byte order; addresses of IPv4, else 0. */
struct shim_ends {
    uint32_t source, destination;
    uint16_t source_port, destination_port;
};
/* The label of a flow of which nDPI saw nothing: by port or address alone. `protocol`: the transport protocol. */
ndpi_protocol shim_guess(struct ndpi_detection_module_struct *module, uint8_t protocol,
                         const struct shim_ends *ends);
/* Whether no later packet can change the label or the texts. */
bool shim_is_final(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow);

struct shim_label shim_label(ndpi_protocol protocol);
/* "TLS.Instagram", cut to `size`. */
void shim_name(struct ndpi_detection_module_struct *module, uint16_t master, uint16_t application, char *name,
               uint32_t size);
size_t shim_protocol_count(struct ndpi_detection_module_struct *module);
/* The category and the breed ("Acceptable") that nDPI gives an application where no flow says more. */
uint16_t shim_category(struct ndpi_detection_module_struct *module, uint16_t application);
const char *shim_breed(struct ndpi_detection_module_struct *module, uint16_t application);

/* Points into the flow, and need not end in a NUL; NULL if this nDPI doesn't compute it. */
const char *shim_ja3_client(const struct ndpi_flow_struct *flow);
const char *shim_ja3_server(const struct ndpi_flow_struct *flow);
const char *shim_ja4_client(const struct ndpi_flow_struct *flow);

/* Of TLS and QUIC, in the flow; NULL: not seen, or this nDPI doesn't keep it. Up to 4.4 what was offered is the server's choice
 * where no ClientHello was seen. */
const char *shim_alpn_offered(const struct ndpi_flow_struct *flow);
const char *shim_alpn_selected(const struct ndpi_flow_struct *flow);

/* By nDPI's number of a risk: its enumerator without NDPI_, in lower case; NULL: the number isn't used. Made from nDPI's header
 * (ndpi_risks.cmake), since no call of all versions tells them. */
extern const char *const shim_risk_names[NDPI_MAX_RISK];
