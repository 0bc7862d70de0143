#include "meter/udps.h"

#include "record/field/field_getters.h"

/* A record is its fields; encodings ask for no more than that it is there. */
void get_udps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)source;
    (void)direction;
    value->is_null = false;
}

static int64_t bounded_int(int64_t integer) {
    return integer > INT32_MAX ? INT32_MAX : integer < INT32_MIN ? INT32_MIN : integer;
}

/* Cut to FLOWSENSOR_TEXT_MAX bytes, between characters. */
static struct flowsensor_text bounded_text(struct flowsensor_text text) {
    if (text.bytes == NULL)
        text.length = 0;
    if (text.length > FLOWSENSOR_TEXT_MAX) {
        text.length = FLOWSENSOR_TEXT_MAX;
        for (int i = 0; i < 3 && ((unsigned char)text.bytes[text.length] & 0xc0) == 0x80; i++)
            text.length--;
    }
    return text;
}

/* Copies a text, made clean, to `room`, which has text_sanitized_bound() bytes: the plugin's memory is valid for the
 * call only. Returns the copy's end. */
static char *copy_text(struct flowsensor_text from, char *room, struct text *to) {
    *to = text_sanitize(from.bytes, from.length, room);
    if (to->bytes != room && to->length > 0)
        memcpy(room, to->bytes, to->length);
    to->bytes = room;
    return room + to->length;
}

/* Memory of the field's own, kept from record to record; NULL: there is none, and the record fails. */
static void *take_room(const struct record_source *source, size_t size) {
    const struct udps *udps = source->identity->meter->udps;
    struct buffer *room = &source->scratch->udps[source->row->udps - udps->fields];
    room->length = 0;
    void *bytes = buffer_reserve(room, size);
    if (bytes == NULL)
        source->scratch->failed = true;
    return bytes;
}

static void set_text(const struct record_source *source, const struct flowsensor_value *from,
                     struct value *value) {
    struct flowsensor_text text = bounded_text(from->text);
    char *room = take_room(source, text_sanitized_bound(text.length) + 1);
    value->is_null = room == NULL;
    if (room != NULL)
        copy_text(text, room, &value->text);
}

static void set_integers(const struct record_source *source, const struct flowsensor_value *from,
                         struct value *value) {
    size_t count = from->integers == NULL               ? 0
                   : from->count > FLOWSENSOR_ITEMS_MAX ? FLOWSENSOR_ITEMS_MAX
                                                        : from->count;
    int64_t *items = take_room(source, count * sizeof *items + 1);
    value->is_null = items == NULL;
    if (items == NULL)
        return;
    bool narrow = source->row->udps->type == FLOWSENSOR_INT_ARRAY;
    for (size_t i = 0; i < count; i++)
        items[i] = narrow ? bounded_int(from->integers[i]) : from->integers[i];
    value->integers.items = items;
    value->integers.count = count;
}

/* How many of the texts fit into a record, and the bytes that they may take once they are clean. */
static size_t count_texts(const struct flowsensor_value *from, size_t *bytes) {
    size_t count = 0;
    *bytes = 0;
    while (from->texts != NULL && count < from->count && count < FLOWSENSOR_ITEMS_MAX) {
        size_t bound = text_sanitized_bound(bounded_text(from->texts[count]).length);
        if (*bytes + bound > TEXT_MAX)
            break;
        *bytes += bound;
        count++;
    }
    return count;
}

static void set_texts(const struct record_source *source, const struct flowsensor_value *from,
                      struct value *value) {
    size_t bytes;
    size_t count = count_texts(from, &bytes);
    struct text *texts = take_room(source, count * sizeof *texts + bytes + 1);
    value->is_null = texts == NULL;
    if (texts == NULL)
        return;
    char *room = (char *)(texts + count);
    for (size_t i = 0; i < count; i++)
        room = copy_text(bounded_text(from->texts[i]), room, &texts[i]);
    value->texts.items = texts;
    value->texts.count = count;
}

void get_udps_field(const struct record_source *source, enum flow_direction direction, struct value *value) {
    struct flowsensor_value from;
    (void)direction;
    udps_value(source->flow, source->row->udps, &from);
    if (!from.is_set) {
        value_null(value);
        return;
    }
    switch (source->row->udps->type) {
    case FLOWSENSOR_BOOLEAN: value_boolean(value, from.integer != 0); break;
    case FLOWSENSOR_INT: value_integer(value, bounded_int(from.integer)); break;
    case FLOWSENSOR_LONG:
    case FLOWSENSOR_TIMESTAMP: value_integer(value, from.integer); break;
    case FLOWSENSOR_DOUBLE: value_real(value, from.real); break;
    case FLOWSENSOR_STRING: set_text(source, &from, value); break;
    case FLOWSENSOR_INT_ARRAY:
    case FLOWSENSOR_LONG_ARRAY: set_integers(source, &from, value); break;
    case FLOWSENSOR_STRING_ARRAY: set_texts(source, &from, value); break;
    case FLOWSENSOR_TYPES: value_null(value); break;
    }
}
