/* What the key of a record's message is made of. The key decides on the partition, and so on what one consumer sees together. Of
 * addresses it is made of what the record has: an address that the policy hides is not in the key either. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/anonymize/policy.h"
#include "record/encoding/encoding.h"
#include "record/message.h"
#include "record/schema/schema.h"

enum message_key_kind {
    MESSAGE_KEY_FLOW_UID, /* "flow_uid": all records of a flow */
    MESSAGE_KEY_SRC_IP,   /* "src_ip": all flows of an initiator */
    MESSAGE_KEY_IP_PAIR, /* "ip_pair": all flows between two addresses: both texts, the lower one first, and a '-' between */
};

/* By the name in the configuration, which is one of these. */
enum message_key_kind message_key_kind_of(const char *name);

/* Whether records of the schema, as the policy leaves them, can have such a key: 0, or EX_CONFIG with one line.
 * @thread main */
int message_key_check(enum message_key_kind kind, const char *output, const struct schema *schema,
                      const struct anonymize_policy *policy, struct error *error);

/* The longest text of an address is a digest of 64 bytes, in hex. */
enum { MESSAGE_KEY_SIZE = 2 * 128 + 1 };

struct message_key {
    enum message_key_kind kind;
    size_t source, destination;  /* places among the record's values */
    char text[MESSAGE_KEY_SIZE]; /* of a pair, or of a protocol */
};

/* Finds the fields that the key is made of. message_key_check() has been well, so they are there. */
void message_key_bind(enum message_key_kind kind, const struct encoded_field *fields, size_t count,
                      struct message_key *key);

/* Sets the message's key of addresses, from the values of these fields; of other kinds nothing. Valid as long as the values.
 * @thread as the recorder's */
void message_key_fill(struct message_key *key, const struct value *values, struct message *message);

/* Sets the key of a record of one of nDPI's protocols, "4.2.0:91": a compacted topic keeps one record of each protocol of each
 * version. Valid until the next one. */
void message_key_of_protocol(struct message_key *key, const char *ndpi_version, unsigned protocol,
                             struct message *message);
