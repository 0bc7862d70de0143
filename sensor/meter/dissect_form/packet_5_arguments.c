#include "meter/dissect_shim.h"

ndpi_protocol shim_packet(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                          const uint8_t *ip, uint16_t length, uint64_t milliseconds) {
    return ndpi_detection_process_packet(module, flow, ip, length, milliseconds);
}
