/* Flows written by hand: what plants.py says in lines of words becomes a struct flow as the meter hands it over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "meter/dissect_text.h"
#include "meter/l7.h"
#include "meter/feature/process.h"
#include "meter/feature/splt.h"
#include "meter/feature/stats.h"
#include "meter/flow.h"
#include "meter/meter.h"
#include "record/anonymize/anonymize_key.h"
#include "record/field/catalogue.h"
#include "record/field/record_source.h"

enum { PLANT_PLACES = 1024, PLANT_TEXT_ROOM = 1 << 20, PLANT_LINE_SIZE = 1 << 20 };

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

/* One flow and what hangs on it. Its pointers point into it. */
struct plant {
    struct flow flow;
    struct stats stats;
    struct l7 l7;
    struct process process;
    struct process_feature holder; /* points to `process` if there is one */
    char application[PLANT_LINE_SIZE], category[PLANT_LINE_SIZE];
    _Alignas(
        8) unsigned char splt[sizeof(struct splt) + PLANT_PLACES * (sizeof(int64_t) + sizeof(uint32_t) + 1)];
    _Alignas(8) unsigned char texts[sizeof(struct text_block) + 2 * L7_TEXTS + PLANT_TEXT_ROOM];
};

/* The lines up to the first flow. False after a line on stderr. */
bool plant_read_header(FILE *file, struct plant_header *header);

/* The next flow: 1, 0 at the end of the file, -1 after a line on stderr. */
int plant_read_flow(FILE *file, const struct plant_header *header, struct plant *plant);
