#include "meter/dissect_shim.h"

const char *shim_ja4_client(const struct ndpi_flow_struct *flow) {
    (void)flow;
    return NULL;
}
