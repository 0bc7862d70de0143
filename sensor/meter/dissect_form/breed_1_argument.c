#include "meter/dissect_shim.h"

const char *shim_breed(struct ndpi_detection_module_struct *module, uint16_t application) {
    return ndpi_get_proto_breed_name(ndpi_get_proto_breed(module, application));
}
