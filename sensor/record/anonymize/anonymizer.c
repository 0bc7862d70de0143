#include "record/anonymize/anonymizer.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "record/field/address_text.h"
#include "record/anonymize/mac_address.h"
#include "record/anonymize/registered_domain.h"
#include "record/anonymize/crypto_pan.h"
#include "record/field/field_getters.h"
#include "record/anonymize/keyed_hash.h"
#include "record/field/value_text.h"

/* Bytes of the digests: NFStream's, and one that is short enough for a column that people read. */
enum { DIGEST_SIZE = 64, SHORT_DIGEST_SIZE = 8 };

struct anonymizer {
    char key_id[ANONYMIZE_KEY_ID_SIZE];
    struct crypto_pan *pan;
    struct anonymize_mac *mac;
    struct keyed_hash *hash, *short_hash, *name;
    struct buffer text; /* of values that are no texts */
};

static struct keyed_hash *open_hash(const struct anonymize_key *key, const char *use, size_t digest_size) {
    uint8_t subkey[ANONYMIZE_SUBKEY_SIZE];
    struct keyed_hash *hash =
        anonymize_key_derive(key, use, subkey) ? keyed_hash_create(subkey, sizeof subkey, digest_size) : NULL;
    OPENSSL_cleanse(subkey, sizeof subkey);
    return hash;
}

static bool open_all(struct anonymizer *anonymizer, const struct anonymize_key *key) {
    uint8_t subkey[ANONYMIZE_SUBKEY_SIZE];
    anonymizer->hash = open_hash(key, "hash", DIGEST_SIZE);
    anonymizer->short_hash = open_hash(key, "short_hash", SHORT_DIGEST_SIZE);
    anonymizer->name = open_hash(key, "keep_registered_domain", SHORT_DIGEST_SIZE);
    if (anonymize_key_derive(key, "prefix_preserving", subkey))
        anonymizer->pan = crypto_pan_create(subkey);
    if (anonymize_key_derive(key, "keep_oui", subkey))
        anonymizer->mac = anonymize_mac_create(subkey);
    OPENSSL_cleanse(subkey, sizeof subkey);
    return anonymizer->hash != NULL && anonymizer->short_hash != NULL && anonymizer->name != NULL &&
           anonymizer->pan != NULL && anonymizer->mac != NULL && anonymize_key_id(key, anonymizer->key_id);
}

struct anonymizer *anonymizer_create(const struct anonymize_key *key) {
    struct anonymizer *anonymizer = calloc(1, sizeof *anonymizer);
    if (anonymizer == NULL || key == NULL || open_all(anonymizer, key))
        return anonymizer;
    anonymizer_destroy(anonymizer);
    return NULL;
}

void anonymizer_destroy(struct anonymizer *anonymizer) {
    if (anonymizer == NULL)
        return;
    crypto_pan_destroy(anonymizer->pan);
    anonymize_mac_destroy(anonymizer->mac);
    keyed_hash_destroy(anonymizer->hash);
    keyed_hash_destroy(anonymizer->short_hash);
    keyed_hash_destroy(anonymizer->name);
    buffer_free(&anonymizer->text);
    free(anonymizer);
}

const char *anonymizer_key_id(const struct anonymizer *anonymizer) {
    return anonymizer->key_id[0] != '\0' ? anonymizer->key_id : NULL;
}

static void drop_value(bool nullable, struct value *value) {
    if (nullable)
        value_null(value);
    else
        value_text(value, "", 0);
}

static const uint8_t *row_bytes(const struct record_source *source, const struct catalogue_row *row) {
    return anonymize_flow_bytes(row)(source->flow);
}

static bool show_address(const struct record_source *source, const uint8_t address[16], struct value *value) {
    char *text = scratch_text(source, ADDRESS_TEXT_MAX);
    if (text != NULL)
        value_text(value, text, address_format(address, source->flow->ip_version, text));
    return text != NULL;
}

static bool truncate_address(const struct anonymize_rule *rule, const struct record_source *source,
                             const uint8_t *address, struct value *value) {
    unsigned length = source->flow->ip_version == 6 ? rule->ipv6_length : rule->ipv4_length;
    uint8_t kept[16] = {0};
    memcpy(kept, address, length / 8);
    if (length % 8 != 0)
        kept[length / 8] = (uint8_t)(address[length / 8] & (0xff00 >> length % 8));
    return show_address(source, kept, value);
}

static bool map_address(struct anonymizer *anonymizer, const struct record_source *source,
                        const uint8_t *address, struct value *value) {
    uint8_t mapped[16] = {0};
    bool done = source->flow->ip_version == 6 ? crypto_pan_ipv6(anonymizer->pan, address, mapped)
                                              : crypto_pan_ipv4(anonymizer->pan, address, mapped);
    return done && show_address(source, mapped, value);
}

/* The link may have no addresses. Then the value is the getter's (null, zeros). */
static bool map_mac(struct anonymizer *anonymizer, const struct catalogue_row *row,
                    const struct record_source *source, struct value *value) {
    uint8_t mapped[6];
    char text[MAC_TEXT_LENGTH];
    if ((source->flow->first_flags & (PACKET_HAS_MAC | PACKET_HAS_SOURCE_MAC)) == 0)
        return true;
    if (!anonymize_mac_map(anonymizer->mac, row_bytes(source, row), mapped))
        return false;
    mac_format(mapped, text);
    char *room = scratch_text(source, value->text.length);
    if (room == NULL)
        return false;
    memcpy(room, text, value->text.length); /* a MAC address, or its first bytes */
    value->text.bytes = room;
    return true;
}

static bool hash_value(struct anonymizer *anonymizer, struct keyed_hash *hash, size_t digest_size,
                       enum value_type type, const struct record_source *source, struct value *value) {
    struct text text = value->text;
    if (type != VALUE_STRING) {
        value_write_text(type, value, &anonymizer->text);
        text = (struct text){(const char *)anonymizer->text.data, anonymizer->text.length};
    }
    char *digits = scratch_text(source, 2 * digest_size);
    if (digits == NULL || anonymizer->text.failed || !keyed_hash_hex(hash, text.bytes, text.length, digits))
        return false;
    value_text(value, digits, 2 * digest_size);
    return true;
}

/* The name in lower case, without a dot at its end, with room for a digest before it; NUL-terminated. NULL: no room. */
static char *lower_name(const struct record_source *source, struct text name, size_t *length) {
    enum { BEFORE = 2 * SHORT_DIGEST_SIZE + 1 };
    *length = name.length - (name.bytes[name.length - 1] == '.');
    char *room = scratch_text(source, BEFORE + name.length + 1);
    if (room == NULL)
        return NULL;
    char *lower = room + BEFORE;
    for (size_t i = 0; i < *length; i++)
        lower[i] = (char)(name.bytes[i] >= 'A' && name.bytes[i] <= 'Z' ? name.bytes[i] + 32 : name.bytes[i]);
    lower[*length] = '\0';
    return lower;
}

/* "www.example.org" becomes "0123456789abcdef.example.org", or with `cut` "example.org". The digest is over the whole
 * name, so that it doesn't show when two domains have an equal first label. */
static bool map_name(struct anonymizer *anonymizer, const struct anonymize_rule *rule, bool nullable,
                     const struct record_source *source, struct value *value) {
    size_t length;
    if (value->text.length == 0)
        return true;
    char *name = lower_name(source, value->text, &length);
    if (name == NULL)
        return false;
    size_t kept = registered_domain(name, length);
    if (kept == 0 && length > 0) {
        value_text(value, name, length);
    } else if (rule->cut) {
        if (kept == length)
            drop_value(nullable, value);
        else
            value_text(value, name + kept, length - kept);
    } else {
        bool has_domain = kept < length;
        char *digits = name + kept - has_domain - (size_t)2 * SHORT_DIGEST_SIZE;
        char digest[2 * SHORT_DIGEST_SIZE];
        if (!keyed_hash_hex(anonymizer->name, name, length, digest))
            return false;
        memcpy(digits, digest, sizeof digest);
        value_text(value, digits, sizeof digest + (has_domain ? 1 + length - kept : 0));
    }
    return true;
}

bool anonymizer_fill(struct anonymizer *anonymizer, const struct anonymize_rule *rule,
                     const struct catalogue_row *row, enum flow_direction direction, bool nullable,
                     const struct record_source *source, struct value *value) {
    switch (rule->method) {
    case ANONYMIZE_DROP: drop_value(nullable, value); return true;
    case ANONYMIZE_TRUNCATE: return truncate_address(rule, source, row_bytes(source, row), value);
    case ANONYMIZE_PREFIX_PRESERVING: return map_address(anonymizer, source, row_bytes(source, row), value);
    default: break;
    }
    row->get(source, direction, value);
    if (value->is_null)
        return true;
    switch (rule->method) {
    case ANONYMIZE_HASH:
        return hash_value(anonymizer, anonymizer->hash, DIGEST_SIZE, row->type, source, value);
    case ANONYMIZE_SHORT_HASH:
        return hash_value(anonymizer, anonymizer->short_hash, SHORT_DIGEST_SIZE, row->type, source, value);
    case ANONYMIZE_KEEP_OUI: return map_mac(anonymizer, row, source, value);
    case ANONYMIZE_KEEP_REGISTERED_DOMAIN: return map_name(anonymizer, rule, nullable, source, value);
    default: return true;
    }
}
