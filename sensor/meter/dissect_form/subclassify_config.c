#include "meter/dissect_shim.h"

void shim_subclassify(struct ndpi_detection_module_struct *module) {
    ndpi_set_config(module, "dns", "subclassification", "enable");
}
