#include "meter/dissect_shim.h"

_Static_assert(sizeof(struct ndpi_bitmask) > 0, "the library whose protocols are all on at the start");

void shim_enable_all(struct ndpi_detection_module_struct *module) {
    (void)module;
}
