#include "meter/dissect_shim.h"

/* While nDPI monitors a flow it may still find a better label; NFStream shows it on, too. */
bool shim_is_final(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow) {
    (void)module;
    return flow->state == NDPI_STATE_CLASSIFIED;
}
