/* What happens to one field's value on its way into an output's records. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/field/catalogue.h"

/* In the order of the documents. */
enum anonymize_method {
    ANONYMIZE_KEEP,
    ANONYMIZE_DROP,
    ANONYMIZE_TRUNCATE,
    ANONYMIZE_PREFIX_PRESERVING,
    ANONYMIZE_HASH,
    ANONYMIZE_SHORT_HASH,
    ANONYMIZE_KEEP_OUI,
    ANONYMIZE_KEEP_REGISTERED_DOMAIN,
    ANONYMIZE_METHODS
};

struct anonymize_rule {
    enum anonymize_method method;
    bool is_given; /* the configuration has it; else it is "keep" because nothing is said */
    bool cut;      /* keep_registered_domain: the part before the domain is left out instead of hashed */
    uint8_t ipv4_length; /* truncate: bits that are kept */
    uint8_t ipv6_length;
};

/* Room for a rule's text and for a list of methods. */
enum { ANONYMIZE_RULE_TEXT_SIZE = 48, ANONYMIZE_METHODS_TEXT_SIZE = 160 };

/* From "METHOD" or "METHOD:ARGUMENTS". -EINVAL with the reason alone; the caller adds where. */
int anonymize_rule_parse(const char *text, struct anonymize_rule *rule, struct error *reason);
/* The rule as text again, with all arguments. */
void anonymize_rule_format(const struct anonymize_rule *rule, char text[ANONYMIZE_RULE_TEXT_SIZE]);

bool anonymize_method_is_keyed(enum anonymize_method method);
/* Whether it turns any value into a text: hash, short_hash. */
bool anonymize_method_is_digest(enum anonymize_method method);

/* Whether a method is made for a class at all. */
bool anonymize_method_fits_class(enum anonymize_method method, enum pii_class pii);
/* Whether it can be applied to a row's values; `nullable`: the output's field may be null; `as_text`: the encoding has
 * no types, so that any value may become a text. */
bool anonymize_method_fits(enum anonymize_method method, const struct catalogue_row *row, bool nullable,
                           bool as_text);
/* "keep, drop, hash": those that fit the class, or the row (NULL: only the class counts). */
void anonymize_methods_list(enum pii_class pii, const struct catalogue_row *row, bool nullable, bool as_text,
                            char text[ANONYMIZE_METHODS_TEXT_SIZE]);

/* The bytes of an address or a MAC address that the row shows; NULL: it shows none. */
typedef const uint8_t *anonymize_bytes_call(const struct flow *flow);
anonymize_bytes_call *anonymize_flow_bytes(const struct catalogue_row *row);
