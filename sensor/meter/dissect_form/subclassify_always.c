#include "meter/dissect_shim.h"

_Static_assert(sizeof(&ndpi_set_detection_preferences) > 0, "the library that has no such setting");

void shim_subclassify(struct ndpi_detection_module_struct *module) {
    (void)module;
}
