/* nDPI's risks and methods of HTTP: what their numbers mean in the linked version. */
#include <string.h>

#include "meter/dissect.h"
#include "meter/dissect_shim.h"

const char *dissector_risk_name(unsigned bit) {
    return bit < NDPI_MAX_RISK ? shim_risk_names[bit] : NULL;
}

unsigned dissector_risk_score(uint64_t risks) {
    uint16_t client, server;
    return ndpi_risk2score(risks, &client, &server);
}

/* nDPI 4.4 and later say it of a flow as soon as the label is known, which may be after one packet. */
uint64_t dissector_risks_of_both_ways(uint64_t risks) {
    for (unsigned bit = 0; bit < NDPI_MAX_RISK; bit++)
        if (shim_risk_names[bit] != NULL && strcmp(shim_risk_names[bit], "unidirectional_traffic") == 0)
            return risks & ~(UINT64_C(1) << bit);
    return risks;
}

const char *dissector_http_method(uint8_t method) {
    return method != NDPI_HTTP_METHOD_UNKNOWN ? ndpi_http_method2str((ndpi_http_method)method) : NULL;
}
