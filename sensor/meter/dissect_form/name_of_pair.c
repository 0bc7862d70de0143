#include "meter/dissect_shim.h"

void shim_name(struct ndpi_detection_module_struct *module, uint16_t master, uint16_t application, char *name,
               uint32_t size) {
    ndpi_master_app_protocol pair = {.master_protocol = master, .app_protocol = application};
    ndpi_protocol2name(module, pair, name, size);
}
