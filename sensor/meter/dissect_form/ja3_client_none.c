#include "meter/dissect_shim.h"

const char *shim_ja3_client(const struct ndpi_flow_struct *flow) {
    (void)flow;
    return NULL;
}
