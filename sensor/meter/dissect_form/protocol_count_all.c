#include "meter/dissect_shim.h"

size_t shim_protocol_count(struct ndpi_detection_module_struct *module) {
    return ndpi_get_num_protocols(module);
}
