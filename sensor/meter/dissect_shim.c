#include "meter/dissect_shim.h"

struct ndpi_detection_module_struct *shim_create(void) {
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(0);
    if (module == NULL)
        return NULL;
    shim_enable_all(module);
    shim_subclassify(module);
    if (shim_finalize(module) == 0)
        return module;
    ndpi_exit_detection_module(module);
    return NULL;
}
