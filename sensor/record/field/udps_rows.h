/* The user-defined fields of a configuration as rows of the catalogue: udps.NAME. */
#pragma once

#include <stddef.h>

#include "meter/udps.h"
#include "record/field/catalogue.h"

struct udps_rows {
    struct catalogue_row *rows; /* sorted by name */
    char (*names)[CATALOGUE_NAME_SIZE];
    size_t count;
};

/* `udps` is borrowed for the rows' life. NULL: no memory. */
struct udps_rows *udps_rows_create(const struct udps *udps);
void udps_rows_free(struct udps_rows *rows);

/* The row of udps.NAME, by its NAME; NULL if there is none, or if `rows` is NULL. */
const struct catalogue_row *udps_rows_find(const struct udps_rows *rows, const char *name);

/* The nearest full name ("udps.x") for an error message; NULL if none is near. */
const char *udps_rows_nearest(const struct udps_rows *rows, const char *name);
