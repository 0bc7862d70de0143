#include "meter/dissect_shim.h"

/* Doesn't compile where there is such a call. */
struct shim_absent *ndpi_set_config(struct shim_absent *);

void shim_subclassify(struct ndpi_detection_module_struct *module) {
    (void)module;
}
