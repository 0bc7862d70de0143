#include "meter/dissect_shim.h"

int shim_finalize(struct ndpi_detection_module_struct *module) {
    ndpi_finalize_initialization(module);
    return 0;
}
