#include "meter/dissect_shim.h"

ndpi_protocol shim_guess(struct ndpi_detection_module_struct *module, uint8_t protocol,
                         const struct shim_ends *ends) {
    return ndpi_guess_undetected_protocol(module, NULL, protocol, ends->source, ends->source_port,
                                          ends->destination, ends->destination_port);
}
