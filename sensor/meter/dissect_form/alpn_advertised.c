#include "meter/dissect_shim.h"

const char *shim_alpn_offered(const struct ndpi_flow_struct *flow) {
    return flow->protos.tls_quic.advertised_alpns;
}
