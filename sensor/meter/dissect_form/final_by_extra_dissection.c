#include "meter/dissect_shim.h"

bool shim_is_final(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow) {
    return ndpi_extra_dissection_possible(module, flow) == 0;
}
