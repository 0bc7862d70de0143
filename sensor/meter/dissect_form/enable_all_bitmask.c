#include "meter/dissect_shim.h"

void shim_enable_all(struct ndpi_detection_module_struct *module) {
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(module, &all);
}
