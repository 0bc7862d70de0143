/* What nDPI said of a flow (NFStream's L7 columns), without nDPI's types. It is complete once the feature's on_expire
 * has returned, or on_show, until on_hide. Texts are NUL-terminated, as nDPI gives them (not yet checked for UTF-8), or
 * "" if unknown. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "meter/flow.h"

/* nDPI 5.0's numbers of a label's confidence; labels of other versions are mapped by name. */
enum l7_confidence {
    L7_CONFIDENCE_UNKNOWN = 0,
    L7_CONFIDENCE_MATCH_BY_PORT = 1,
    L7_CONFIDENCE_NBPF = 2,
    L7_CONFIDENCE_DPI_PARTIAL = 3,
    L7_CONFIDENCE_DPI_PARTIAL_CACHE = 4,
    L7_CONFIDENCE_DPI_CACHE = 5,
    L7_CONFIDENCE_DPI = 6,
    L7_CONFIDENCE_MATCH_BY_IP = 7,
    L7_CONFIDENCE_DPI_AGGRESSIVE = 8,
    L7_CONFIDENCE_CUSTOM_RULE = 9,
};

enum { L7_NAME_SIZE = 40 }; /* NFStream's buffer */

/* The texts of a decided flow. */
enum l7_text {
    L7_SERVER_NAME,  /* SNI, HTTP Host, DNS query name, ...; at most 79 bytes */
    L7_USER_AGENT,   /* HTTP, QUIC; at most 255 bytes */
    L7_CONTENT_TYPE, /* HTTP; at most 63 bytes */
    L7_JA3_CLIENT,
    L7_JA3_SERVER,
    L7_JA4_CLIENT, /* TLS, DTLS, QUIC, mail over TLS */
    L7_HASSH_CLIENT,
    L7_HASSH_SERVER, /* SSH */
    L7_DHCP_FINGERPRINT,
    L7_ALPN_OFFERED,  /* TLS, QUIC: with commas between; at most 255 bytes */
    L7_ALPN_SELECTED, /* at most 63 bytes */
    L7_TLS_ISSUER,
    L7_TLS_SUBJECT, /* of the server's certificate, as nDPI writes them; at most 255 bytes each */
    L7_TEXTS
};

/* What nDPI found beside the label and the texts that always are kept; each is kept only if a schema asks for it. */
enum l7_part {
    L7_PART_RISKS = 1 << 0,
    L7_PART_TLS = 1 << 1, /* ALPN and the certificate's texts too */
    L7_PART_HTTP = 1 << 2,
};

/* Members are 0 where nDPI found nothing. */
struct l7_tls {
    uint32_t not_before, not_after; /* the server's certificate: seconds since 1970 */
    uint16_t version, cipher;       /* as on the wire; the cipher is the server's choice */
};

struct l7_http {
    uint16_t status;
    uint8_t method; /* nDPI's number, see dissector_http_method() */
};

/* What flows are labelled with; the dissector makes each once. */
struct l7_label {
    const char *category_name;              /* "SocialNetwork", "Unspecified" */
    const char *breed;                      /* of the application, as l7_protocol.breed */
    uint16_t master, application, category; /* nDPI's numbers */
    /* Bytes of both names if they are valid UTF-8, else 0: checked once, for the records of all flows with the label. */
    uint8_t name_clean, category_clean;
    char name[L7_NAME_SIZE]; /* "TLS.Instagram", "Unknown" */
};

/* One of nDPI's protocols: what a label's numbers mean in this version of nDPI. */
struct l7_protocol {
    uint16_t id, category; /* nDPI's numbers */
    const char *name, *category_name;
    const char *breed; /* "Acceptable", "Unsafe", ...: how nDPI judges it */
};

/* What flow_feature(flow, FEATURE_l7) points to. */
struct l7 {
    union {                       /* the dissector's */
        struct dissection *state; /* while undecided; NULL: none yet */
        struct text_block *texts; /* once decided; NULL: all are empty */
    };
    uint16_t label;     /* number in flow_shared.labels; 0: undecided */
    uint8_t confidence; /* enum l7_confidence */
    bool guessed;       /* the label was guessed when dissection was given up */
    bool undissected;   /* nDPI did not see a packet that it should have (dissect.h) */
    bool is_done;       /* the dissector need not be told of the next packet */
    bool unseen;        /* decided, or shown, without a packet that nDPI saw */
};
_Static_assert(sizeof(struct l7) == 16, "every open flow costs these bytes");

/* The label of a flow, whose dissection is on; NULL while it is undecided. */
static inline const struct l7_label *l7_label(const struct flow *flow) {
    const struct l7 *l7 = flow_feature(flow, FEATURE_l7);
    return l7->label != 0 ? &flow->shared->labels[l7->label] : NULL;
}

/* Which texts a decided flow has: bit set of 1 << enum l7_text. */
unsigned l7_texts_present(const struct l7 *l7);

/* A text of a decided flow; "" if there is none. Valid as long as the flow. */
const char *l7_text(const struct l7 *l7, enum l7_text text);

/* Numbers of a decided flow; 0 if there are none, or their part isn't kept. */
uint64_t l7_risks(const struct l7 *l7); /* bit set of nDPI's risks, see dissector_risk_name() */
struct l7_tls l7_tls(const struct l7 *l7);
struct l7_http l7_http(const struct l7 *l7);
