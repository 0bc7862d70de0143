#include "meter/dissect_shim.h"

struct shim_label shim_label(ndpi_protocol protocol) {
    return (struct shim_label){
        .master = protocol.master_protocol,
        .application = protocol.app_protocol,
        .category = (uint16_t)protocol.category,
    };
}
