#include "meter/dissect_shim.h"

uint16_t shim_category(struct ndpi_detection_module_struct *module, uint16_t application) {
    ndpi_protocol protocol = {.app_protocol = application};
    return (uint16_t)ndpi_get_proto_category(module, protocol);
}
