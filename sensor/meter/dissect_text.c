#include "meter/dissect_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "meter/dissect_shim.h"

/* Longest texts in bytes, NFStream's figures. */
enum { SERVER_NAME_MAX = 79, USER_AGENT_MAX = 255, CONTENT_TYPE_MAX = 63 };
enum { ALPN_OFFERED_MAX = 255, ALPN_SELECTED_MAX = 63, DISTINGUISHED_NAME_MAX = 255 };

/* The numbers stand in a block behind the texts. */
enum { L7_RISKS = L7_TEXTS, L7_TLS, L7_HTTP, L7_ITEMS };
_Static_assert(L7_ITEMS <= 16, "text_block.present has a bit for each");

static const size_t size_classes[] = {16, 32, 48, 64, 96, 128, 160, 192, 256, 384, 768, 1536};
enum { SIZE_CLASSES = sizeof(size_classes) / sizeof(*size_classes) };

struct text_pools {
    unsigned parts;
    struct pool *pool[SIZE_CLASSES];
};

/* The items to copy: their size decides which pool the block is from. */
struct text_list {
    const void *item[L7_ITEMS];
    uint16_t length[L7_ITEMS]; /* 0: not there */
    struct l7_tls tls;
    struct l7_http http;
};

struct text_pools *text_pools_create(uint64_t flows, unsigned parts) {
    struct text_pools *pools = calloc(1, sizeof(*pools));
    if (pools == NULL)
        return NULL;
    pools->parts = parts;
    for (size_t i = 0; i < SIZE_CLASSES; i++) {
        struct pool_options options = {.object_size = size_classes[i], .max_objects = flows};
        pools->pool[i] = pool_create(&options);
        if (pools->pool[i] == NULL) {
            text_pools_destroy(pools);
            return NULL;
        }
    }
    return pools;
}

void text_pools_destroy(struct text_pools *pools) {
    if (pools == NULL)
        return;
    for (size_t i = 0; i < SIZE_CLASSES; i++)
        pool_destroy(pools->pool[i]);
    free(pools);
}

uint64_t text_pools_memory(const struct text_pools *pools) {
    uint64_t memory = 0;
    for (size_t i = 0; i < SIZE_CLASSES; i++)
        memory += pool_memory(pools->pool[i]);
    return memory;
}

static void text_list_add(struct text_list *list, enum l7_text which, const char *text, size_t max) {
    if (text == NULL)
        return;
    list->item[which] = text;
    list->length[which] = (uint16_t)strnlen(text, max);
}

static void text_list_add_number(struct text_list *list, unsigned which, const void *number, size_t length) {
    list->item[which] = number;
    list->length[which] = (uint16_t)length;
}

/* An array in nDPI's flow; it need not end in a NUL. */
#define ADD_ARRAY(list, which, array) text_list_add(list, which, array, sizeof(array))

static void text_list_add_tls(struct text_list *list, const struct ndpi_flow_struct *flow) {
    text_list_add(list, L7_JA3_CLIENT, shim_ja3_client(flow), SHIM_JA3_LENGTH);
    text_list_add(list, L7_JA3_SERVER, shim_ja3_server(flow), SHIM_JA3_LENGTH);
    text_list_add(list, L7_JA4_CLIENT, shim_ja4_client(flow), SHIM_JA4_LENGTH);
    text_list_add(list, L7_USER_AGENT, flow->http.user_agent, USER_AGENT_MAX);
}

static bool protocol_is_tls(uint16_t protocol) {
    switch (protocol) {
    case NDPI_PROTOCOL_TLS:
    case NDPI_PROTOCOL_DTLS:
    case NDPI_PROTOCOL_MAIL_SMTPS:
    case NDPI_PROTOCOL_MAIL_IMAPS:
    case NDPI_PROTOCOL_MAIL_POPS:
    case NDPI_PROTOCOL_QUIC: return true;
    default: return false;
    }
}

/* Where nDPI finds no validity whose years have two digits, it takes the issuer's names for the subject's. */
static const char *subject_of(const struct ndpi_flow_struct *flow) {
    bool is_mixed = flow->protos.tls_quic.issuerDN == NULL && flow->protos.tls_quic.notBefore == 0;
    return is_mixed ? NULL : flow->protos.tls_quic.subjectDN;
}

static void text_list_add_handshake(struct text_list *list, const struct ndpi_flow_struct *flow) {
    text_list_add(list, L7_ALPN_OFFERED, shim_alpn_offered(flow), ALPN_OFFERED_MAX);
    text_list_add(list, L7_ALPN_SELECTED, shim_alpn_selected(flow), ALPN_SELECTED_MAX);
    text_list_add(list, L7_TLS_ISSUER, flow->protos.tls_quic.issuerDN, DISTINGUISHED_NAME_MAX);
    text_list_add(list, L7_TLS_SUBJECT, subject_of(flow), DISTINGUISHED_NAME_MAX);
    list->tls = (struct l7_tls){.not_before = flow->protos.tls_quic.notBefore,
                                .not_after = flow->protos.tls_quic.notAfter,
                                .version = flow->protos.tls_quic.ssl_version,
                                .cipher = flow->protos.tls_quic.server_cipher};
    if (list->tls.not_before != 0 || list->tls.not_after != 0 || list->tls.version != 0 ||
        list->tls.cipher != 0)
        text_list_add_number(list, L7_TLS, &list->tls, sizeof list->tls);
}

/* Outside of the union. */
static void text_list_add_http(struct text_list *list, const struct ndpi_flow_struct *flow) {
    list->http =
        (struct l7_http){.status = flow->http.response_status_code, .method = (uint8_t)flow->http.method};
    if (list->http.status != 0 || list->http.method != 0)
        text_list_add_number(list, L7_HTTP, &list->http, sizeof list->http);
}

/* flow->protos is a union: only the member of the detected protocol may be read. First match, in NFStream's order. */
static void text_list_collect(struct text_list *list, const struct ndpi_flow_struct *flow, unsigned parts,
                              uint16_t master, uint16_t application) {
    text_list_add(list, L7_SERVER_NAME, flow->host_server_name, SERVER_NAME_MAX);
    if ((parts & L7_PART_RISKS) != 0 && flow->risk != 0)
        text_list_add_number(list, L7_RISKS, &flow->risk, sizeof flow->risk);
    if ((parts & L7_PART_HTTP) != 0)
        text_list_add_http(list, flow);
    if (master == NDPI_PROTOCOL_DHCP || application == NDPI_PROTOCOL_DHCP) {
        ADD_ARRAY(list, L7_DHCP_FINGERPRINT, flow->protos.dhcp.fingerprint);
    } else if (master == NDPI_PROTOCOL_HTTP || application == NDPI_PROTOCOL_HTTP) {
        text_list_add(list, L7_CONTENT_TYPE, flow->http.content_type, CONTENT_TYPE_MAX);
        text_list_add(list, L7_USER_AGENT, flow->http.user_agent, USER_AGENT_MAX);
    } else if (master == NDPI_PROTOCOL_SSH || application == NDPI_PROTOCOL_SSH) {
        ADD_ARRAY(list, L7_HASSH_CLIENT, flow->protos.ssh.hassh_client);
        ADD_ARRAY(list, L7_HASSH_SERVER, flow->protos.ssh.hassh_server);
    } else if (protocol_is_tls(master) || protocol_is_tls(application)) {
        text_list_add_tls(list, flow);
        if ((parts & L7_PART_TLS) != 0)
            text_list_add_handshake(list, flow);
    }
}

static size_t text_block_size(const struct text_list *list) {
    size_t size = sizeof(struct text_block);
    for (size_t i = 0; i < L7_ITEMS; i++)
        if (list->length[i] > 0)
            size += sizeof(uint16_t) + list->length[i] + 1;
    return size;
}

static void text_block_fill(struct text_block *block, const struct text_list *list) {
    size_t count = 0;
    block->present = 0;
    for (size_t i = 0; i < L7_ITEMS; i++)
        count += list->length[i] > 0;
    size_t offset = sizeof(*block) + count * sizeof(uint16_t);
    uint16_t *next_offset = block->offsets;
    for (size_t i = 0; i < L7_ITEMS; i++) {
        if (list->length[i] == 0)
            continue;
        block->present |= (uint16_t)(1u << i);
        *next_offset++ = (uint16_t)offset;
        char *text = (char *)block + offset;
        memcpy(text, list->item[i], list->length[i]);
        text[list->length[i]] = '\0';
        offset += list->length[i] + 1u;
    }
}

/* A label that was guessed by a port or an address says nothing of what is in the union: it may be another protocol's bytes, and a
 * handshake has pointers. */
static unsigned parts_under(uint8_t confidence, unsigned parts) {
    switch (confidence) {
    case L7_CONFIDENCE_UNKNOWN:
    case L7_CONFIDENCE_MATCH_BY_PORT:
    case L7_CONFIDENCE_MATCH_BY_IP: return parts & ~(unsigned)L7_PART_TLS;
    default: return parts;
    }
}

struct text_block *text_block_take(struct text_pools *pools, const struct ndpi_flow_struct *flow,
                                   uint16_t master, uint16_t application, uint8_t confidence) {
    struct text_list list = {0};
    text_list_collect(&list, flow, parts_under(confidence, pools->parts), master, application);
    size_t size = text_block_size(&list);
    if (size == sizeof(struct text_block))
        return NULL;
    uint16_t size_class = 0;
    while (size_class < SIZE_CLASSES - 1 && size_classes[size_class] < size)
        size_class++;
    struct text_block *block = pool_take(pools->pool[size_class]);
    if (block == NULL)
        return NULL;
    block->size_class = size_class;
    text_block_fill(block, &list);
    return block;
}

void text_block_give(struct text_pools *pools, struct text_block *block) {
    if (block != NULL)
        pool_give(pools->pool[block->size_class], block);
}

unsigned l7_texts_present(const struct l7 *l7) {
    return l7->texts != NULL ? l7->texts->present : 0;
}

/* NULL: it isn't there. */
static const void *l7_item(const struct l7 *l7, unsigned which) {
    const struct text_block *block = l7->texts;
    if ((l7_texts_present(l7) & (1u << which)) == 0)
        return NULL;
    unsigned before = block->present & ((1u << which) - 1);
    return (const char *)block + block->offsets[__builtin_popcount(before)];
}

const char *l7_text(const struct l7 *l7, enum l7_text text) {
    const char *found = l7_item(l7, text);
    return found != NULL ? found : "";
}

/* In a block numbers are not aligned. */
static void l7_read(const struct l7 *l7, unsigned which, void *number, size_t length) {
    const void *found = l7_item(l7, which);
    if (found != NULL)
        memcpy(number, found, length);
}

uint64_t l7_risks(const struct l7 *l7) {
    uint64_t risks = 0;
    l7_read(l7, L7_RISKS, &risks, sizeof risks);
    return risks;
}

struct l7_tls l7_tls(const struct l7 *l7) {
    struct l7_tls tls = {0};
    l7_read(l7, L7_TLS, &tls, sizeof tls);
    return tls;
}

struct l7_http l7_http(const struct l7 *l7) {
    struct l7_http http = {0};
    l7_read(l7, L7_HTTP, &http, sizeof http);
    return http;
}
