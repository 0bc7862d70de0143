#include "record/field/value.h"

const char *value_type_name(enum value_type type) {
    static const char *const names[VALUE_TYPES] = {
        [VALUE_BOOLEAN] = "boolean",
        [VALUE_INT] = "int",
        [VALUE_LONG] = "long",
        [VALUE_TIMESTAMP] = "timestamp-micros",
        [VALUE_DOUBLE] = "double",
        [VALUE_STRING] = "string",
        [VALUE_INT_ARRAY] = "array<int>",
        [VALUE_LONG_ARRAY] = "array<long>",
        [VALUE_STRING_ARRAY] = "array<string>",
        [VALUE_RECORD] = "record",
    };
    return names[type];
}
