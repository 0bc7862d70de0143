/* Flows written by hand: what plants.py says in lines of words becomes a struct flow as the meter hands it over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "meter/flow.h"
#include "meter/meter.h"
#include "record/anonymize/anonymize_key.h"
#include "record/field/catalogue.h"
#include "record/field/record_source.h"

/* What holds for all flows of a file. */
struct plant_header {
    char schema[256];
    char ndpi_version[64];
    struct meter_options meter;
    struct identity identity;
    unsigned groups_on; /* bit set of 1 << enum field_group */
    bool anonymizes;    /* user_agent is a short hash */
    struct anonymize_key anonymize_key;
    bool has_loss;
    int64_t loss_time; /* ticks: the kernel lost packets then */
};

/* The lines up to the first flow. False after a line on stderr. */
bool plant_read_header(FILE *file, struct plant_header *header);

/* The next flow, valid until the next call: 1, 0 at the end of the file, -1 after a line on stderr. */
int plant_read_flow(FILE *file, const struct plant_header *header, const struct flow **flow);
