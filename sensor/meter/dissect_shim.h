/* nDPI's API in its versions: 4.2 (Debian), later 4.x, and 5.x. The calls and fields that differ have one name here;
 * nothing else knows the version. Builds with 4.2 are tested; the branches for later versions follow their headers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ndpi_api.h>

/* Odd minor numbers are the development versions of the next even one. */
#define SHIM_NDPI(major, minor) (NDPI_MAJOR > (major) || (NDPI_MAJOR == (major) && NDPI_MINOR >= (minor)))

enum { SHIM_JA3_LENGTH = 32, SHIM_JA4_LENGTH = 36 };

static inline struct ndpi_detection_module_struct *shim_create(void) {
#if SHIM_NDPI(4, 9)
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(NULL);
#else
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(ndpi_no_prefs);
#endif
    if (module == NULL)
        return NULL;
#if !SHIM_NDPI(5, 0)
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(module, &all);
#endif
#if SHIM_NDPI(4, 11)
    ndpi_set_config(module, "dns", "subclassification",
                    "enable"); /* as NFStream; earlier versions always do it */
#endif
#if SHIM_NDPI(4, 9)
    if (ndpi_finalize_initialization(module) != 0) {
        ndpi_exit_detection_module(module);
        return NULL;
    }
#else
    ndpi_finalize_initialization(module);
#endif
    return module;
}

static inline ndpi_protocol shim_packet(struct ndpi_detection_module_struct *module,
                                        struct ndpi_flow_struct *flow, const uint8_t *ip, uint16_t length,
                                        uint64_t milliseconds) {
#if SHIM_NDPI(4, 5)
    return ndpi_detection_process_packet(module, flow, ip, length, milliseconds, NULL);
#else
    return ndpi_detection_process_packet(module, flow, ip, length, milliseconds);
#endif
}

static inline ndpi_protocol shim_give_up(struct ndpi_detection_module_struct *module,
                                         struct ndpi_flow_struct *flow, uint8_t *guessed) {
#if SHIM_NDPI(5, 0)
    ndpi_protocol result = ndpi_detection_giveup(module, flow);
    *guessed = flow->protocol_was_guessed;
    return result;
#elif SHIM_NDPI(4, 9)
    return ndpi_detection_giveup(module, flow, guessed);
#else
    return ndpi_detection_giveup(module, flow, 1, guessed);
#endif
}

/* Nothing that later packets may bring would change the label or the texts. */
static inline bool shim_is_final(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow) {
#if SHIM_NDPI(5, 0)
    (void)module;
    return flow->state == NDPI_STATE_CLASSIFIED;
#else
    return ndpi_extra_dissection_possible(module, flow) == 0;
#endif
}

static inline uint16_t shim_master(const ndpi_protocol *protocol) {
#if SHIM_NDPI(4, 11)
    return protocol->proto.master_protocol;
#else
    return protocol->master_protocol;
#endif
}

static inline uint16_t shim_application(const ndpi_protocol *protocol) {
#if SHIM_NDPI(4, 11)
    return protocol->proto.app_protocol;
#else
    return protocol->app_protocol;
#endif
}

static inline const char *shim_name(struct ndpi_detection_module_struct *module, uint16_t master,
                                    uint16_t application, char *buffer, uint32_t size) {
#if SHIM_NDPI(4, 11)
    ndpi_master_app_protocol protocol = {.master_protocol = master, .app_protocol = application};
#else
    ndpi_protocol protocol = {.master_protocol = master, .app_protocol = application};
#endif
    return ndpi_protocol2name(module, protocol, buffer, size);
}

static inline size_t shim_protocol_count(struct ndpi_detection_module_struct *module) {
#if SHIM_NDPI(4, 11)
    return ndpi_get_num_protocols(module);
#else
    return ndpi_get_num_supported_protocols(module);
#endif
}

static inline const char *shim_ja3_client(const struct ndpi_flow_struct *flow) {
#if SHIM_NDPI(4, 11)
    (void)flow;
    return NULL;
#else
    return flow->protos.tls_quic.ja3_client;
#endif
}

static inline const char *shim_ja4_client(const struct ndpi_flow_struct *flow) {
#if SHIM_NDPI(4, 9)
    return flow->protos.tls_quic.ja4_client;
#else
    (void)flow;
    return NULL;
#endif
}
