/* The labels that a meter's flows have got, each made once, so that a flow keeps a number of 16 bits. A dissector owns its
 * labels; flows find them by flow_shared.labels (meter/flow.h). The meter's thread alone uses them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "meter/dissect_shim.h"
#include "meter/l7.h"

struct label_store;

/* NULL: no memory. The module is borrowed. */
struct label_store *label_store_create(struct ndpi_detection_module_struct *module);
void label_store_destroy(struct label_store *store);

/* By number; they stay where they are. */
const struct l7_label *label_store_labels(const struct label_store *store);

/* The number of the label, from 1; of an unknown application once there are LABELS_MAX, which no traffic has. */
uint16_t label_store_number(struct label_store *store, struct shim_label label);

enum { LABELS_MAX = 8191 };

size_t label_store_memory_for(void); /* bytes, at most */
