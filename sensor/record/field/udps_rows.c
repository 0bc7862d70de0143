#include "record/field/udps_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "record/field/field_getters.h"

static const char prefix[] = "udps.";

/* By enum flowsensor_type. */
static const enum value_type value_types[FLOWSENSOR_TYPES] = {
    [FLOWSENSOR_BOOLEAN] = VALUE_BOOLEAN,
    [FLOWSENSOR_INT] = VALUE_INT,
    [FLOWSENSOR_LONG] = VALUE_LONG,
    [FLOWSENSOR_TIMESTAMP] = VALUE_TIMESTAMP,
    [FLOWSENSOR_DOUBLE] = VALUE_DOUBLE,
    [FLOWSENSOR_STRING] = VALUE_STRING,
    [FLOWSENSOR_INT_ARRAY] = VALUE_INT_ARRAY,
    [FLOWSENSOR_LONG_ARRAY] = VALUE_LONG_ARRAY,
    [FLOWSENSOR_STRING_ARRAY] = VALUE_STRING_ARRAY,
};

/* By enum flowsensor_pii. */
static const enum pii_class pii_classes[FLOWSENSOR_PII_CLASSES] = {
    [FLOWSENSOR_PII_NONE] = PII_NONE,   [FLOWSENSOR_PII_ADDRESS] = PII_ADDRESS,
    [FLOWSENSOR_PII_MAC] = PII_MAC,     [FLOWSENSOR_PII_NAME] = PII_NAME,
    [FLOWSENSOR_PII_AGENT] = PII_AGENT, [FLOWSENSOR_PII_FINGERPRINT] = PII_FINGERPRINT,
};

struct udps_rows *udps_rows_create(const struct udps *udps) {
    struct udps_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL)
        return NULL;
    rows->count = udps->field_count;
    rows->rows = calloc(rows->count + 1, sizeof *rows->rows);
    rows->names = calloc(rows->count + 1, sizeof *rows->names);
    if (rows->rows == NULL || rows->names == NULL) {
        udps_rows_free(rows);
        return NULL;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct udps_field *field = &udps->fields[i];
        snprintf(rows->names[i], sizeof rows->names[i], "%s%s", prefix, field->name);
        rows->rows[i] = (struct catalogue_row){
            .name = rows->names[i],
            .type = value_types[field->type],
            .records = OF_FLOW,
            .group = GROUP_UDPS,
            .pii = pii_classes[field->pii],
            .profiles = IN_BOTH,
            .absence = FIELD_OPTIONAL,
            .version = 1,
            .unit = field->unit,
            .help = field->doc,
            .get = get_udps_field,
            .udps = field,
        };
    }
    return rows;
}

void udps_rows_free(struct udps_rows *rows) {
    if (rows == NULL)
        return;
    free(rows->names);
    free(rows->rows);
    free(rows);
}

const struct catalogue_row *udps_rows_find(const struct udps_rows *rows, const char *name) {
    for (size_t i = 0; rows != NULL && i < rows->count; i++)
        if (strcmp(rows->rows[i].name + sizeof prefix - 1, name) == 0)
            return &rows->rows[i];
    return NULL;
}

const char *udps_rows_nearest(const struct udps_rows *rows, const char *name) {
    char full[CATALOGUE_NAME_SIZE];
    if (rows == NULL || rows->count == 0)
        return NULL;
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return nearest_name(full, &rows->rows[0].name, rows->count, sizeof *rows->rows);
}
