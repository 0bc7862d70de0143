/* The bytes of a segment: a header, then records with no space between. All numbers are little-endian.
 *
 *     header   8   "flowspl" and the version, 1
 *              4   length of the whole header
 *              4   CRC-32C of what follows in it
 *              8   position of the first record
 *              8   when it was begun (microseconds of Unix time)
 *              4   id of the schema, 0: not known
 *              1   flags: 1: made up by `flowsensor verify`
 *              8 x (4, ...) length of a text and the text: sensor_id, boot_id, output, feature_hash, schema_name,
 *                  schema_sha256, framing, schema_text; each ends with a NUL, which the length counts
 *     record   4   length of what follows the CRC
 *              4   CRC-32C of that
 *              8   position
 *              8   when it was appended (microseconds of Unix time)
 *              8   seq
 *              4   lane
 *              2   length of the key
 *              1   length of record_kind with its NUL
 *              1   length of anon_key_id
 *              ... record_kind, anon_key_id, key, body
 *
 * Nothing here is shared: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "sink/spool/spool.h"

enum {
    SEGMENT_NAME_SIZE = 20 + sizeof ".damaged",
    SEGMENT_FIXED_SIZE = 16,         /* of the header: as much as tells its length */
    SEGMENT_HEADER_MAX = 4 << 20,    /* a schema of 1,000 fields takes 0.3 MiB */
    SEGMENT_RECORD_MIN = 8 + 32 + 1, /* no key, no body, an empty kind */
    SPOOL_RECORD_MAX = 16 << 20,
};

/* Texts are borrowed from the bytes that it was read from. */
struct segment_header {
    uint32_t length;
    uint64_t first;
    int64_t begun;
    struct spool_origin origin;
};

/* "00000000000000000042.spool". */
void segment_name(uint64_t first, const char *ending, char name[SEGMENT_NAME_SIZE]);
/* False: no name of this form. `ending`: ".spool", ".damaged". */
bool segment_name_parse(const char *name, const char *ending, uint64_t *first);

size_t segment_header_size(const struct spool_origin *origin);
/* Into that many bytes. */
void segment_header_put(uint8_t *bytes, uint64_t first, int64_t begun, const struct spool_origin *origin);
/* Of the first SEGMENT_FIXED_SIZE bytes; 0: they begin no header. */
uint32_t segment_header_length(const uint8_t *bytes);
/* False: torn or damaged. */
bool segment_header_get(struct bytes bytes, struct segment_header *header);

/* With the 8 bytes before what the length counts; 0: more than a record can have. */
size_t segment_record_size(const struct message *message);
/* Into that many bytes, but for the CRC. */
void segment_record_put(uint8_t *bytes, size_t size, uint64_t position, int64_t time, int32_t lane,
                        const struct message *message);
/* Puts the CRC. */
void segment_record_seal(uint8_t *record);

/* Of a record that is whole: */
size_t segment_record_whole_size(const uint8_t *record);
int64_t segment_record_time(const uint8_t *record);
/* All but the origin. */
void segment_record_get(const uint8_t *record, struct spool_record *read);

enum segment_answer {
    SEGMENT_WHOLE,
    SEGMENT_SHORT, /* the view has less than *size bytes */
    SEGMENT_BAD,
};

/* Whether the view begins with the record of that position, and its size. */
enum segment_answer segment_record_check(struct bytes view, uint64_t position, size_t *size);
