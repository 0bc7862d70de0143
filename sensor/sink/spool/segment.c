#include "sink/spool/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/spool/crc32c.h"

enum { POSITION_DIGITS = 20, FRAME_SIZE = 8, FIXED_SIZE = 32, TEXTS = 8, FLAG_VERIFY = 1, KEY_ID_SIZE = 16 };
enum { HEADER_FIXED_SIZE = SEGMENT_FIXED_SIZE + 8 + 8 + 4 + 1 };

static const uint8_t magic[8] = {'f', 'l', 'o', 'w', 's', 'p', 'l', 1};

void segment_name(uint64_t first, const char *ending, char name[SEGMENT_NAME_SIZE]) {
    snprintf(name, SEGMENT_NAME_SIZE, "%0*llu%s", POSITION_DIGITS, (unsigned long long)first, ending);
}

bool segment_name_parse(const char *name, const char *ending, uint64_t *first) {
    size_t digits = strspn(name, "0123456789");
    if (digits != POSITION_DIGITS || strcmp(name + digits, ending) != 0 || name[0] != '0')
        return false;
    *first = strtoull(name, NULL, 10);
    return *first > 0;
}

/* Where the texts of an origin are, in the order of the header. */
static void texts_of(const struct spool_origin *origin, const char *texts[TEXTS]) {
    texts[0] = origin->message.sensor_id;
    texts[1] = origin->message.boot_id;
    texts[2] = origin->message.output;
    texts[3] = origin->message.feature_hash;
    texts[4] = origin->schema_name;
    texts[5] = origin->schema_sha256;
    texts[6] = origin->framing;
    texts[7] = origin->schema_text;
}

size_t segment_header_size(const struct spool_origin *origin) {
    const char *texts[TEXTS];
    size_t size = HEADER_FIXED_SIZE;
    texts_of(origin, texts);
    for (int i = 0; i < TEXTS; i++)
        size += 4 + strlen(texts[i]) + 1;
    return size;
}

void segment_header_put(uint8_t *bytes, uint64_t first, int64_t begun, const struct spool_origin *origin) {
    const char *texts[TEXTS];
    size_t at = HEADER_FIXED_SIZE;
    texts_of(origin, texts);
    memcpy(bytes, magic, sizeof magic);
    bytes_put_little_u64(bytes + 16, first);
    bytes_put_little_u64(bytes + 24, (uint64_t)begun);
    bytes_put_little_u32(bytes + 32, origin->schema_id);
    bytes[36] = origin->message.verify ? FLAG_VERIFY : 0;
    for (int i = 0; i < TEXTS; i++) {
        size_t length = strlen(texts[i]) + 1;
        bytes_put_little_u32(bytes + at, (uint32_t)length);
        memcpy(bytes + at + 4, texts[i], length);
        at += 4 + length;
    }
    bytes_put_little_u32(bytes + 8, (uint32_t)at);
    bytes_put_little_u32(bytes + 12, crc32c(bytes + SEGMENT_FIXED_SIZE, at - SEGMENT_FIXED_SIZE));
}

uint32_t segment_header_length(const uint8_t *bytes) {
    uint32_t length = bytes_little_u32(bytes + 8);
    bool good = memcmp(bytes, magic, sizeof magic) == 0 && length >= HEADER_FIXED_SIZE &&
                length <= SEGMENT_HEADER_MAX;
    return good ? length : 0;
}

/* A text at *at, which goes behind it; NULL: there is none. */
static const char *get_text(struct bytes bytes, size_t *at) {
    if (!bytes_have(bytes, *at, 4))
        return NULL;
    uint32_t length = bytes_little_u32(bytes.data + *at);
    const char *text = (const char *)bytes.data + *at + 4;
    if (length == 0 || !bytes_have(bytes, *at + 4, length) || memchr(text, '\0', length) != text + length - 1)
        return NULL;
    *at += 4 + length;
    return text;
}

bool segment_header_get(struct bytes bytes, struct segment_header *header) {
    if (bytes.length < HEADER_FIXED_SIZE)
        return false;
    uint32_t length = segment_header_length(bytes.data);
    if (length == 0 || length > bytes.length ||
        crc32c(bytes.data + SEGMENT_FIXED_SIZE, length - SEGMENT_FIXED_SIZE) !=
            bytes_little_u32(bytes.data + 12))
        return false;
    bytes.length = length;
    const char *texts[TEXTS];
    size_t at = HEADER_FIXED_SIZE;
    for (int i = 0; i < TEXTS; i++) {
        texts[i] = get_text(bytes, &at);
        if (!texts[i])
            return false;
    }
    *header = (struct segment_header){
        .length = length,
        .first = bytes_little_u64(bytes.data + 16),
        .begun = (int64_t)bytes_little_u64(bytes.data + 24),
        .origin = {.message = {texts[0], texts[1], texts[2], texts[3], bytes.data[36] & FLAG_VERIFY},
                   .schema_name = texts[4],
                   .schema_sha256 = texts[5],
                   .framing = texts[6],
                   .schema_text = texts[7],
                   .schema_id = bytes_little_u32(bytes.data + 32)},
    };
    return true;
}

size_t segment_record_size(const struct message *message) {
    size_t kind = strlen(message->record_kind) + 1;
    size_t small = FRAME_SIZE + FIXED_SIZE + kind + strlen(message->anon_key_id);
    if (kind > UINT8_MAX || message->key_length > UINT16_MAX || message->body_length > SPOOL_RECORD_MAX ||
        small + message->key_length + message->body_length > SPOOL_RECORD_MAX)
        return 0;
    return small + message->key_length + message->body_length;
}

void segment_record_put(uint8_t *bytes, size_t size, uint64_t position, int64_t time, int32_t lane,
                        const struct message *message) {
    size_t kind = strlen(message->record_kind) + 1, key_id = strlen(message->anon_key_id);
    bytes_put_little_u32(bytes, (uint32_t)(size - FRAME_SIZE));
    bytes_put_little_u64(bytes + 8, position);
    bytes_put_little_u64(bytes + 16, (uint64_t)time);
    bytes_put_little_u64(bytes + 24, message->seq);
    bytes_put_little_u32(bytes + 32, (uint32_t)lane);
    bytes_put_little_u16(bytes + 36, (uint16_t)message->key_length);
    bytes[38] = (uint8_t)kind;
    bytes[39] = (uint8_t)key_id;
    uint8_t *at = bytes + FRAME_SIZE + FIXED_SIZE;
    memcpy(at, message->record_kind, kind);
    memcpy(at + kind, message->anon_key_id, key_id);
    at += kind + key_id;
    if (message->key_length > 0)
        memcpy(at, message->key, message->key_length);
    if (message->body_length > 0)
        memcpy(at + message->key_length, message->body, message->body_length);
}

void segment_record_seal(uint8_t *record) {
    bytes_put_little_u32(record + 4, crc32c(record + FRAME_SIZE, bytes_little_u32(record)));
}

size_t segment_record_whole_size(const uint8_t *record) {
    return FRAME_SIZE + (size_t)bytes_little_u32(record);
}

int64_t segment_record_time(const uint8_t *record) {
    return (int64_t)bytes_little_u64(record + 16);
}

void segment_record_get(const uint8_t *record, struct spool_record *read) {
    size_t key_length = bytes_little_u16(record + 36), kind = record[38], key_id = record[39];
    const uint8_t *texts = record + FRAME_SIZE + FIXED_SIZE;
    const uint8_t *key = texts + kind + key_id;
    read->position = bytes_little_u64(record + 8);
    read->lane = (int32_t)bytes_little_u32(record + 32);
    read->message = (struct message){
        .body = key + key_length,
        .body_length = segment_record_whole_size(record) - (size_t)(key + key_length - record),
        .key = (const char *)key,
        .key_length = key_length,
        .seq = bytes_little_u64(record + 24),
        .record_kind = (const char *)texts,
    };
    memcpy(read->message.anon_key_id, texts + kind, key_id);
}

enum segment_answer segment_record_check(struct bytes view, uint64_t position, size_t *size) {
    *size = SEGMENT_RECORD_MIN;
    if (view.length < SEGMENT_RECORD_MIN)
        return SEGMENT_SHORT;
    const uint8_t *record = view.data;
    uint32_t length = bytes_little_u32(record);
    if (length < SEGMENT_RECORD_MIN - FRAME_SIZE || length > SPOOL_RECORD_MAX - FRAME_SIZE ||
        bytes_little_u64(record + 8) != position)
        return SEGMENT_BAD;
    *size = FRAME_SIZE + (size_t)length;
    if (view.length < *size)
        return SEGMENT_SHORT;
    size_t key_length = bytes_little_u16(record + 36), kind = record[38], key_id = record[39];
    bool fits = FIXED_SIZE + kind + key_id + key_length <= length && kind > 0 && key_id <= KEY_ID_SIZE &&
                record[FRAME_SIZE + FIXED_SIZE + kind - 1] == '\0';
    return fits && crc32c(record + FRAME_SIZE, length) == bytes_little_u32(record + 4) ? SEGMENT_WHOLE
                                                                                       : SEGMENT_BAD;
}
