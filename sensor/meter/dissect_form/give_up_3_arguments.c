#include "meter/dissect_shim.h"

ndpi_protocol shim_give_up(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                           uint8_t *guessed) {
    return ndpi_detection_giveup(module, flow, guessed);
}
