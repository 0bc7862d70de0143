#include "meter/dissect_shim.h"

#include <ctype.h>
#include <string.h>

#define NUMBER(number) TEXT(number)
#define TEXT(text)     #text

const char *shim_header_version(void) {
    return NUMBER(NDPI_MAJOR) "." NUMBER(NDPI_MINOR) "." NUMBER(NDPI_PATCH);
}

/* A library that was built from git appends a commit to the version. */
bool shim_is_library(const char *revision, size_t flow_size) {
    const char *version = shim_header_version();
    size_t length = strlen(version);
    return strncmp(revision, version, length) == 0 && !isalnum((unsigned char)revision[length]) &&
           revision[length] != '.' && flow_size == sizeof(struct ndpi_flow_struct);
}

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
