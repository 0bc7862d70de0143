#include "meter/dissect_shim.h"

int shim_finalize(struct ndpi_detection_module_struct *module) {
    return ndpi_finalize_initialization(module);
}
