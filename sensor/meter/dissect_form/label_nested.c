#include "meter/dissect_shim.h"

struct shim_label shim_label(ndpi_protocol protocol) {
    return (struct shim_label){
        .master = protocol.proto.master_protocol,
        .application = protocol.proto.app_protocol,
        .category = (uint16_t)protocol.category,
    };
}
