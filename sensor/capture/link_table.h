/* What libpcap knows of link types: its own number for a recorded one, how long frames may be, and filters. There is one
 * table for all captures of a run, so that a filter is compiled once for each link type. Only the capture's owner uses it
 * (capture.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"

/* Frames of the link types that we decode are never longer. Longer ones of others (USB, D-Bus) are cut to this. */
enum { LINK_FRAME_MAX = 262144 };

struct link {
    uint16_t recorded;  /* LINKTYPE_*, as files have it */
    int type;           /* DLT_*, which differs for a few */
    uint32_t frame_max; /* bytes; a longer frame is damage */
    bool refuses;       /* the filter can't be compiled for this link type, so no frame of it passes */
    void *program;      /* NULL: no filter */
};

struct link_table;

/* `filter` is borrowed; NULL: none. NULL: no memory. */
struct link_table *link_table_create(const char *filter);
void link_table_destroy(struct link_table *table); /* NULL is fine */

/* The row of a recorded link type, made when it is seen first; it stays where it is. NULL: no memory, or more than
 * LINK_TYPES_MAX of them. */
enum { LINK_TYPES_MAX = 256 };
const struct link *link_find(struct link_table *table, uint16_t recorded);

/* The error of a filter that can't be compiled for the link type (link->refuses). `name`: the capture's, for the text. */
int link_refuse_filter(const struct link_table *table, const struct link *link, const char *name,
                       struct error *error);

/* For link_passes(): there is a filter. */
bool link_passes_filter(const struct link *link, const struct frame *frame);

/* Whether the filter lets the frame pass. Without one it doesn't look at the frame: its lengths were just stored, and to load
 * both at once would wait until all stores before them are done. */
static inline bool link_passes(const struct link *link, const struct frame *frame) {
    return link->program != NULL ? link_passes_filter(link, frame) : !link->refuses;
}
